"""``stellwerk release`` and ``stellwerk rollback``."""

from __future__ import annotations

from typing import Any

import click

from stellwerk.cli.output import clean, print_json
from stellwerk.cli.session import Session, with_session
from stellwerk.cli.versions import live_words
from stellwerk.client.http import segment


def _report(session: Session, service: str, answer: dict[str, Any]) -> None:
    if session.as_json:
        print_json(answer)
    else:
        click.echo(f"{clean(service)}: {live_words(answer['live'])}")


@click.command()
@click.argument("service")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--share", "--canary", "share", type=float, metavar="PART",
              help="Give it this part of the requests as canary, such as 0.1.")
@with_session
def release(session: Session, service: str, version: int, share: float | None) -> None:
    """Let an approved version answer requests.

    Without --share it becomes champion and answers all of them.

    \b
    Examples:
      stellwerk release churn 2 --share 0.1
      stellwerk release churn 2
    """
    with session.client() as client:
        answer = client.post(f"/services/{segment(service)}/releases", {"version": version, "share": share})
    _report(session, service, answer)


@click.command()
@click.argument("service")
@click.option("--to", "version", type=click.IntRange(min=1), metavar="VERSION", help="The version to go back to.")
@click.option("--reason", required=True, metavar="WORDS", help="What went wrong.")
@with_session
def rollback(session: Session, service: str, version: int | None, reason: str) -> None:
    """Go back to an earlier version at once.

    Ends a canary, or else brings the champion before back; it was approved then and needs no new approval.
    Live within a second.

    \b
    Examples:
      stellwerk rollback churn --reason "Doubled complaints since noon"
      stellwerk rollback churn --to 3 --reason "Version 4 and 5 share the fault"
    """
    with session.client() as client:
        answer = client.post(f"/services/{segment(service)}/rollback", {"version": version, "reason": reason})
    _report(session, service, answer)
