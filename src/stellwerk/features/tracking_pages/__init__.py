"""Pages of tracking: experiments, tables of runs, comparisons, one run, registered models."""
