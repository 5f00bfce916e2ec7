"""Artifacts: bytes that people and jobs bring, kept under the hash of their content."""
