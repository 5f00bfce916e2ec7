"""The manifest of a service: typed, with its published JSON Schema and errors that name the line."""

from stellwerk.manifest.model import Approval, DataSource, Evaluate, Gate, Limits, Manifest, Serve
from stellwerk.manifest.parse import load_manifest, parse_manifest

__all__ = ["Approval", "DataSource", "Evaluate", "Gate", "Limits", "Manifest", "Serve", "load_manifest",
           "parse_manifest"]
