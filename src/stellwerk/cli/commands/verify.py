"""``stellwerk verify``: a file with no server, or an installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stellwerk.cli.output import clean, lamp, print_json, table
from stellwerk.cli.session import Session, with_session
from stellwerk.kernel.errors import BadInput, NotFound


def _verify_file(session: Session, file: str, key: str | None) -> int:
    from stellwerk.verifier import stellwerk_verify

    if not Path(file).is_file():
        raise NotFound(f"There is no file {file}.", field="FILE", value=file,
                       hint="stellwerk show DECISION --export FILE writes one.")
    code, found = stellwerk_verify.run(file, key)
    if session.as_json:
        print_json(found)
    else:
        click.echo(stellwerk_verify.words(found))
    return 0 if code == 0 else 1


def _head(file: str | None) -> str | None:
    if file is None:
        return None
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The checkpoint {file} cannot be read: {error}", field="--head", value=file,
                       allowed="a file with a signed tree head") from None


def _verify_home(session: Session, head: str | None) -> dict[str, Any]:
    from stellwerk.apps import schema
    from stellwerk.apps.tracked import register_tracked
    from stellwerk.cli.home import read_home
    from stellwerk.features.ledger import (
        decision_sources,
        tracking_source,
        verify_installation,
        verify_tracking,
    )
    from stellwerk.infra.crypto import load_key
    from stellwerk.infra.installation import open_installation

    register_tracked()
    with read_home(session) as connection:
        installation = open_installation(session.home)
        key = load_key(installation.home.keys_dir).public
        sources = decision_sources(installation) | tracking_source(installation.tracking)
        found = verify_installation(connection, key, sources=sources, older=head, tables=schema.metadata.tables)
        verify_tracking(installation.tracking, found)
        return found.body()


def _print(found: dict[str, Any]) -> None:
    rows = sum(found["rows"].values())
    logs = ", ".join(f"{name}: {log['size']}" for name, log in sorted(found["logs"].items())) or "nothing sealed yet"
    verdict = lamp("pass") if found["holds"] else lamp("fail")
    click.echo(f"{verdict}  {rows} rows of {len(found['rows'])} tables against their events; sealed records {logs}")
    if found["findings"]:
        table(["what", "table", "row", "how"],
              [[row["what"], row["table"], clean(row["row"] or ""), clean(row["message"])]
               for row in found["findings"]])
    if found["unsealed_events"]:
        click.echo(f"  {found['unsealed_events']} events wait for the next sealing (about a second)")
    if found["consistent_with"]:
        click.echo(f"  consistent with {found['consistent_with']}")
    for line in found["proves"]:
        click.echo(f"  proven: {line}")
    for line in found["not_proven"]:
        click.echo(f"  not proven: {line}")


@click.command()
@click.argument("file", required=False)
@click.option("--key", metavar="HEX|FILE", help="With FILE: the installation's public key, got another way.")
@click.option("--head", metavar="FILE", help="Without FILE: a signed head that was kept elsewhere.")
@with_session
def verify(session: Session, file: str | None, key: str | None, head: str | None) -> int:
    """Prove that nothing on record was changed.

    With FILE, a proof pack of one decision is checked here, with no server and no home. Without it the installation
    is checked: the one of the home folder when it is here, else the one behind STELLWERK_URL.

    \b
    Examples:
      stellwerk verify decision.json --key stellwerk.pub
      stellwerk verify --home ~/.stellwerk
      stellwerk verify --head head-of-last-month.txt

    \b
    Exit code: 0 all holds, 1 something differs (it is named)
    """
    if file is not None:
        return _verify_file(session, file, key)
    older = _head(head)
    if (session.home / "control.sqlite").exists() and session.url is None:
        found = _verify_home(session, older)
    else:
        with session.client() as client:
            found = client.post("/ledger/verify", {"head": older})
    if session.as_json:
        print_json(found)
    else:
        _print(found)
    return 0 if found["holds"] else 1
