"""From what a person names to a source that can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stellwerk.cli.transfer.source import Source


@dataclass(frozen=True)
class Choices:
    """What the command line says about a source; ``token_here`` is ours and goes to nobody else."""

    artifacts: Path | None = None
    wanted: bool = True
    workspace: str = "default"
    token_here: str | None = None


def open_source(address: str | None, folder: Path | None, choices: Choices) -> Source:
    """Open an MLflow server or database by address, or an exported folder; raises StellwerkError."""
    if folder is not None:
        from stellwerk.cli.transfer.folder import ExportedFolder

        return ExportedFolder(folder, wanted=choices.wanted)
    assert address is not None
    if address.startswith(("http://", "https://")):
        from stellwerk.cli.transfer.mlflow_http import MlflowHttp, credentials
        from stellwerk.cli.transfer.mlflow_server import MlflowServer

        return MlflowServer(MlflowHttp(address, credentials(choices.token_here), choices.workspace),
                            wanted=choices.wanted)
    from stellwerk.cli.transfer.mlflow_database import MlflowDatabase
    from stellwerk.cli.transfer.places import Places
    from stellwerk.cli.transfer.rows import open_database

    database = open_database(address)
    places = Places(choices.artifacts, database.folder, wanted=choices.wanted)
    return MlflowDatabase(database, places, choices.workspace)
