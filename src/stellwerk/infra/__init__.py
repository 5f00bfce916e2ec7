"""Adapters to what lies outside the process: files, databases, keys, HTTP, environments."""
