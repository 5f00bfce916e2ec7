"""``stellwerk decisions``."""

from __future__ import annotations

import click

from stellwerk.cli.output import clean, moment, number, print_json, table
from stellwerk.cli.session import Session, with_session
from stellwerk.client.http import segment


@click.command()
@click.argument("service")
@click.option("--subject", metavar="ID", help="Only decisions about this subject.")
@click.option("--from", "start", metavar="TIME", help="Only decisions from this ISO time on.")
@click.option("--to", "end", metavar="TIME", help="Only decisions before this ISO time.")
@click.option("--after", metavar="ID", help="Go on after this decision (the list names it).")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@with_session
def decisions(session: Session, service: str, start: str | None, end: str | None, subject: str | None,
              after: str | None, limit: int) -> None:
    """List the decisions of a service, newest first.

    \b
    Examples:
      stellwerk decisions churn
      stellwerk decisions churn --subject C-1007 --from 2026-11-01
    """
    with session.client() as client:
        answer = client.get(f"/services/{segment(service)}/decisions", subject=subject, to=end, after=after,
                            limit=limit, **{"from": start})
    if session.as_json:
        print_json(answer)
        return
    found = answer["decisions"]
    if not found:
        click.echo("no decisions here")
        return
    table(["decision", "at", "answer", "score", "version", "subject"],
          [[row["id"], moment(row["at"]), clean(row["decision"]), number(row["score"]), row["model_version"],
            clean(row.get("subject") or "")] for row in found])
    if answer.get("next"):
        click.echo(f"more: --after {answer['next']}")
