"""The single-file verifier of proof packs; it imports nothing of ours and runs alone."""
