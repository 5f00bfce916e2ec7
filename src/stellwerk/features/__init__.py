"""One folder per feature slice, in tiers: a later one may use an earlier one through its package face only."""
