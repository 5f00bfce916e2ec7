"""One module per foreign machine-learning library and job; each imports its library only when used."""
