"""``stellwerk versions``."""

from __future__ import annotations

import click

from stellwerk.cli.output import lamp, moment, print_json, table
from stellwerk.cli.session import Session, with_session
from stellwerk.client.http import segment


@click.command()
@click.argument("service")
@with_session
def versions(session: Session, service: str) -> None:
    """List the versions of a service.

    \b
    Examples:
      stellwerk versions churn
      stellwerk versions churn --json | jq '.versions[0].state'
    """
    with session.client() as client:
        answer = client.get(f"/services/{segment(service)}/versions")
    if session.as_json:
        print_json(answer)
        return
    found = answer["versions"]
    if not found:
        click.echo(f"{service} has no version yet: stellwerk ship {service} makes one")
        return
    table(["version", "state", "gates", "threshold", "model", "trained"],
          [[row["number"], lamp(row["state"] or "trained"), lamp(row["verdict"]) if row["verdict"] else "",
            row.get("threshold"), row["estimator"], moment(row["created_at"])] for row in found])
