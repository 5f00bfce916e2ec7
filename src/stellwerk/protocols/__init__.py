"""Formats and protocols that others defined: their structures and words, no storage, no logic."""
