"""``stellwerk export``: a run, an experiment or a registered model as a plain folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stellwerk.cli.output import clean, print_json
from stellwerk.cli.session import Session, with_session

if TYPE_CHECKING:
    from stellwerk.cli.transfer.chosen import Kind


@click.command()
@click.argument("kind", type=click.Choice(["run", "experiment", "model"]))
@click.argument("name", metavar="NAME_OR_ID")
@click.option("--to", "folder", required=True, metavar="FOLDER", type=click.Path(path_type=Path),
              help="The folder to write; it must not exist yet.")
@click.option("--no-artifacts", is_flag=True, help="Leave all artifacts out.")
@with_session
def export(session: Session, kind: Kind, name: str, folder: Path, no_artifacts: bool) -> int:
    """Write a run, an experiment or a registered model as a plain folder.

    The folder holds JSON, metrics as CSV, artifacts under their names, and checksums. A model comes with the runs and
    logged models that its versions are made of. ``stellwerk import FOLDER`` reads it on another installation.

    \b
    Examples:
      stellwerk export run 0f4c3f1c2e3a4b5c8d9e0f1a2b3c4d5e --to my-run
      stellwerk export experiment churn --to churn-export
      stellwerk export model churn-model --to churn-model && cd churn-model && sha256sum -c checksums.txt

    \b
    Exit code: 0 all is in the folder, 1 something was refused (it is named)
    """
    from stellwerk.cli.transfer.chosen import Chosen
    from stellwerk.cli.transfer.export import Exporter
    from stellwerk.cli.transfer.meter import Meter
    from stellwerk.cli.transfer.mlflow_http import MlflowHttp

    with session.client() as client, Meter() as meter:
        http = MlflowHttp(session.server_url, ("", "", session.token or ""))
        with closing(Chosen(http, kind, name, wanted=not no_artifacts)) as source:
            exporter = Exporter(source, meter)
            origin = client.get("/transfer/origin")["origin"]
            manifest = exporter.export(folder, kind, name, origin)
    if session.as_json:
        print_json({"folder": str(folder), "counts": manifest.counts,
                    "refused": [row._asdict() for row in exporter.refused]})
    else:
        for row in exporter.refused:
            click.echo(f"  refused: {clean(row.what)}: {clean(row.why)}")
        counts = ", ".join(f"{count:,} {what}" for what, count in manifest.counts.items())
        click.echo(f"{folder}: {counts}")
        click.echo(f"  check      cd {folder} && sha256sum -c checksums.txt")
        click.echo(f"  read back  stellwerk import {folder}")
    return 1 if exporter.refused else 0
