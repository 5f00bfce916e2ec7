"""What of tracking stands on the ledger, by type of subject, and which slices hear of changes in others."""

from stellwerk.features import artifacts, experiments, ledger, logged_models, registry, runs, transfer, webhooks


def register_tracked() -> None:
    """Tell the ledger which subjects it can read again; call it once in each process that verifies."""
    ledger.SUBJECTS.update({"experiment": experiments.TRACKED, "run": runs.TRACKED,
                            "logged_model": logged_models.TRACKED, "artifact": artifacts.TRACKED, **registry.TRACKED,
                            "webhook": webhooks.TRACKED, "transfer": transfer.TRACKED})


def tell_webhooks() -> None:
    """Let webhooks hear of changes of the registry; call it once in each process that makes any."""
    registry.add_listener(webhooks.enqueue)


def keep_registered_files() -> None:
    """Let registered versions keep the files that they consist of; call it once in each process that changes any."""
    if registry.kept_by_version not in artifacts.KEEPERS:
        artifacts.KEEPERS.append(registry.kept_by_version)
