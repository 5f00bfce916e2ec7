"""``stellwerk new``."""

from __future__ import annotations

from pathlib import Path

import click

from stellwerk.cli.output import clean, print_json
from stellwerk.cli.session import Session, with_session
from stellwerk.kernel.errors import NotFound


@click.command()
@click.argument("name")
@click.option("--data", required=True, metavar="FILE.csv", type=click.Path(path_type=Path),
              help="The data to learn from.")
@click.option("--target", required=True, metavar="COLUMN", help="What the service decides: a column of two values.")
@click.option("--subject", metavar="COLUMN", help="Whom or what a decision is about.")
@click.option("--protected", multiple=True, metavar="COLUMN",
              help="For fairness only, never an input; may be repeated.")
@click.option("--team", metavar="TEAM", default=None, help="The team that owns it.")
@with_session
def new(session: Session, name: str, data: Path, target: str, subject: str | None, protected: tuple[str, ...],
        team: str | None) -> None:
    """Write a new service from a data file.

    Looks at the data and writes a folder NAME with manifest, functions, contract and a test. It passes check and
    ships unchanged; every line of it is yours to change.

    \b
    Examples:
      stellwerk new churn --data churn.csv --target churned
      stellwerk new credit --data loans.csv --target repaid --subject customer_id --protected sex --team lending
    """
    from stellwerk.cli.scaffold import write_service
    from stellwerk.infra.settings import Home, load_settings

    if not data.is_file():
        raise NotFound(f"There is no file {data}.", field="--data", value=str(data), allowed="a CSV file")
    quiet = session.as_json
    environments = Path(load_settings(Home(session.home)).environments)
    written = write_service(Path(name), data, target=target, environments=environments, subject=subject,
                            protected=protected, team=team,
                            say=lambda words: None if quiet else click.echo(f"  {clean(words)}"))
    baseline = written.baseline
    if quiet:
        print_json({"service": written.folder.name, "folder": str(written.folder), "files": written.files,
                    "rows": written.rows, "inputs": written.inputs, "excluded": written.excluded,
                    "positive": written.positive, "notes": written.notes,
                    "baseline": {"roc_auc": baseline.value, "low": baseline.low, "high": baseline.high,
                                 "gate": baseline.limit}})
        return
    for column, reason in written.excluded.items():
        click.echo(f"  no input: {clean(column)}, {clean(reason)}")
    click.echo(f"  of 100 pairs of a yes and a no it ranks {baseline.value * 100:.0f} right "
               f"(ROC AUC {baseline.value:.3f}, 95 % {baseline.low:.3f} to {baseline.high:.3f}); "
               f"the gate asks for {baseline.limit:g}")
    for note in written.notes:
        click.echo(click.style("  ▲ ", fg="yellow") + clean(note))
    for file in written.files:
        click.echo(f"  {clean(written.folder / file)}")
    click.echo(f"next: stellwerk ship {clean(name)}")
