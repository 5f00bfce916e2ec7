"""Stellwerk: the self-hosted MLOps platform on which services decide with data, model and approval on record."""

__version__ = "0.1.0"
