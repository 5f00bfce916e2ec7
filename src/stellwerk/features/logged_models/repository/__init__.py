"""Every query on logged models."""
