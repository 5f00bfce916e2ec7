"""Every query on runs: the runs themselves, what they log, what they used, and the searches."""
