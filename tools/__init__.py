"""Tools for working on Stellwerk: set-up, own lints, demo, screenshots. Not part of what is installed."""
