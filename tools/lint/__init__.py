"""Our own lints: rules of this code base that no ready-made linter knows. ``python -m tools.lint`` runs all."""
