"""What of tracking stands on the ledger, by type of subject."""

from stellwerk.features import experiments, ledger, logged_models, registry, runs


def register_tracked() -> None:
    """Tell the ledger which subjects it can read again; call it once in each process that verifies."""
    ledger.SUBJECTS.update({"experiment": experiments.TRACKED, "run": runs.TRACKED,
                            "logged_model": logged_models.TRACKED, **registry.TRACKED})
