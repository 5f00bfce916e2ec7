"""``stellwerk status``."""

from __future__ import annotations

from typing import Any

import click

from stellwerk.cli.output import clean, lamp, print_error, print_json, table
from stellwerk.cli.session import Session, with_session
from stellwerk.cli.versions import live_words
from stellwerk.client.http import ApiError, Connection
from stellwerk.kernel.errors import StellwerkError


def _component(address: str) -> dict[str, Any]:
    connection = Connection(address, None)
    try:
        answer = connection.send("GET", "/readyz")
        body = answer.json()
    except StellwerkError as error:
        return {"url": address, "state": "silent", "message": error.message}
    except ValueError:
        return {"url": address, "state": "unknown"}
    finally:
        connection.close()
    found = body if isinstance(body, dict) else {}
    return {"url": address, "state": "ready" if answer.status_code == 200 else "not ready",
            "components": found.get("components", {})}


def _services(session: Session) -> list[dict[str, Any]] | None:
    if session.token is None:
        return None
    with session.client() as client:
        found: list[dict[str, Any]] = client.get("/services")["services"]
    return found


@click.command()
@with_session
def status(session: Session) -> None:
    """Show what runs and, with a token, which services are live.

    \b
    Examples:
      stellwerk status
      stellwerk status --json | jq .server.state

    Exit code: 0 when server and gateway are ready, else 1.
    """
    server, gateway = _component(session.server_url), _component(session.gateway_address)
    ready = server["state"] == gateway["state"] == "ready"
    services, refusal = None, None
    try:
        services = _services(session) if server["state"] == "ready" else None
    except ApiError as error:
        # What runs is shown also to someone whose token is no good.
        refusal = error
    if session.as_json:
        print_json({"server": server, "gateway": gateway, "services": services,
                    "error": refusal.body() if refusal else None})
    else:
        _print(server, gateway, services)
        if refusal is not None:
            print_error(refusal, as_json=False)
    click.get_current_context().exit(0 if ready and refusal is None else 1)


def _print(server: dict[str, Any], gateway: dict[str, Any], services: list[dict[str, Any]] | None) -> None:
    rows = [["server", lamp(server["state"]), server["url"]], ["gateway", lamp(gateway["state"]), gateway["url"]]]
    for name, facts in server.get("components", {}).items():
        rows.append([clean(name), lamp("ready" if facts.get("state") == "running" else facts.get("state")), ""])
    table(["process", "state", "address"], rows)
    click.echo(f"  MLflow clients: export MLFLOW_TRACKING_URI={server['url']}")
    if services is None:
        click.echo("  with a token in STELLWERK_TOKEN the services are shown too")
    elif services:
        click.echo()
        table(["service", "team", "risk", "live"],
              [[clean(row["name"]), clean(row["team"]), clean(row["risk"]), live_words(row["live"])]
               for row in services])
    else:
        click.echo("  no service yet: stellwerk new NAME --data FILE.csv --target COLUMN writes one")
