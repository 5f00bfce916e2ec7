"""``stellwerk up``."""

from __future__ import annotations

import os
import sys

import click

from stellwerk.cli.session import Session, with_session


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="H", help="Address to listen on.")
@click.option("--port", default=8470, show_default=True, metavar="P", help="Port of pages and API; 0 takes a free one.")
@click.option("--gateway-port", default=8471, show_default=True, metavar="Q",
              help="Port of the gateway; 0 takes a free one.")
@with_session
def up(session: Session, host: str, port: int, gateway_port: int) -> None:
    """Start Stellwerk: server, worker and gateway.

    Makes the home folder at the first start, prints a one-time link for the admin, and runs until Ctrl-C or
    SIGTERM. A process that dies is started again.

    \b
    Examples:
      stellwerk up
      stellwerk up --home /srv/stellwerk --port 9000 --gateway-port 9001
      stellwerk up --host 0.0.0.0          # reachable from other machines; put TLS in front
    """
    arguments = ["--home", str(session.home), "--host", host, "--port", str(port), "--gateway-port", str(gateway_port)]
    if session.as_json:
        arguments.append("--json")
    # Replaces this process: what stays resident is the small supervisor, not the command line.
    os.execv(sys.executable, [sys.executable, "-m", "stellwerk.apps.supervisor", *arguments])  # noqa: S606
