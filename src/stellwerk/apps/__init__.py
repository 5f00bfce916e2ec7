"""Composition roots: the processes, each putting the slices together and holding no logic."""
