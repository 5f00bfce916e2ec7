"""The requests of the protocol, one module for each area."""
