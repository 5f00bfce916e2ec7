"""``stellwerk import``: from an MLflow server or database, or from an exported folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from stellwerk.cli.output import print_json
from stellwerk.cli.session import Session, with_session
from stellwerk.kernel.errors import BadInput

_MLFLOW = "mlflow"


@click.command(name="import")
@click.argument("what", nargs=-1, required=True, metavar="(mlflow URL_OR_DATABASE | FOLDER)")
@click.option("--artifacts", metavar="FOLDER", type=click.Path(path_type=Path),
              help="With a database: the folder in which the MLflow server keeps its artifacts.")
@click.option("--no-artifacts", is_flag=True, help="Leave all artifacts out.")
@click.option("--workspace", default="default", show_default=True, metavar="NAME",
              help="With mlflow: the workspace to take over.")
@click.option("--prefix", default="", metavar="TEXT", help="Put this before the names of experiments and models.")
@click.option("--merge", is_flag=True, help="Join experiments whose names are in use here already.")
@click.option("--team", metavar="TEAM", help="The team that owns what comes; without it, everyone.")
@click.option("--again", is_flag=True, help="Bring also what came whole before, as the source has it now.")
@with_session
def import_(session: Session, what: tuple[str, ...], artifacts: Path | None, no_artifacts: bool, workspace: str,
            prefix: str, merge: bool, team: str | None, again: bool) -> int:
    """Take over what an MLflow server or another installation holds.

    Experiments, runs with all their metrics, data sets, logged models, artifacts and registered models come over REST
    into the server behind STELLWERK_URL; runs keep their ids. Stopped or killed, the same command goes on where it
    was. At the end both sides are read again and compared, value by value. It takes a token of an admin.

    \b
    Examples:
      stellwerk import mlflow http://mlflow.example:5000
      stellwerk import mlflow sqlite:///mlflow.db --artifacts mlartifacts
      stellwerk import mlflow postgresql://reader@db.example/mlflow --artifacts /srv/mlartifacts
      stellwerk import churn-export

    \b
    A server that asks who is calling gets STELLWERK_SOURCE_USER and STELLWERK_SOURCE_PASSWORD, or
    STELLWERK_SOURCE_TOKEN; without these MLFLOW_TRACKING_USERNAME and so on.

    \b
    Exit code: 0 all has come and is the same, 1 something was refused or differs (it is named)
    """
    from stellwerk.cli.transfer.bring import Wishes
    from stellwerk.cli.transfer.opening import Choices, open_source
    from stellwerk.cli.transfer.whole import transfer

    choices = Choices(artifacts=artifacts, wanted=not no_artifacts, workspace=workspace, token_here=session.token)
    if what[0] == _MLFLOW and len(what) == 2:
        address, folder = what[1], None
    elif len(what) == 1:
        address, folder = None, Path(what[0])
    else:
        raise click.UsageError("Say what to import: mlflow URL_OR_DATABASE, or a FOLDER that export wrote.")
    if artifacts is not None and (no_artifacts or address is None or address.startswith(("http://", "https://"))):
        raise BadInput("--artifacts says where the files of a database are; it stands with a database alone.",
                       field="--artifacts", value=str(artifacts),
                       hint="A server and an exported folder bring their own files.")
    with session.client() as client, closing(open_source(address, folder, choices)) as source:
        report = transfer(source, client, Wishes(prefix=prefix, merge=merge, team=team, again=again))
    if session.as_json:
        print_json(report.body())
    else:
        report.show()
    return 0 if report.holds else 1
