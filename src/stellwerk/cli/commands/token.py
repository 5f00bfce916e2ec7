"""``stellwerk token``: API tokens of a home, made where the home lies."""

from __future__ import annotations

import click

from stellwerk.cli.home import read_home, write_home
from stellwerk.cli.output import clean, facts, lamp, moment, print_json, table
from stellwerk.cli.session import Session, with_session

_PERSONAL = ("builder", "validator", "product_owner")
_ROLES = "viewer, builder, validator, product_owner or operator in a team; admin or auditor for the installation"


@click.group()
def token() -> None:
    """Manage API tokens.

    Works on the home folder itself, with or without a running server.

    \b
    Examples:
      export STELLWERK_TOKEN=$(stellwerk token create laptop --role builder --team lending)
      stellwerk token create app --role operator --team lending --days 365 --json
      stellwerk token list
      stellwerk token revoke laptop
    """


@token.command()
@click.argument("name")
@click.option("--role", required=True, metavar="ROLE", help=_ROLES)
@click.option("--team", metavar="TEAM", help="The team in which the role is held.")
@click.option("--person", metavar="PERSON", help="Act in the name of this person, who must hold the role.")
@click.option("--service-account", is_flag=True, help="Nobody stands behind it: it approves nothing.")
@click.option("--days", type=int, default=90, show_default=True, help="How long it is valid.")
@with_session
def create(session: Session, name: str, role: str, team: str | None, person: str | None,
           service_account: bool, days: int) -> None:
    """Make a token. Its text is shown this once and kept nowhere.

    Who builds or approves is a person: a token with the role builder, validator or product_owner acts for the
    person NAME, who is added with that role where missing. Any other token, or one with --service-account, stands
    alone: it approves nothing.

    \b
    Examples:
      stellwerk token create vera --role validator --team lending
      stellwerk token create vera-cli --role validator --team lending --person vera
      stellwerk token create ci --role builder --team lending --service-account
    """
    from stellwerk.features.identity import create_token, ensure_person

    with write_home(session) as work:
        if person is None and role in _PERSONAL and not service_account:
            ensure_person(work, name, role, team)
            person = name
        made = create_token(work, name, role, team=team, person=person, days=days)
    if session.as_json:
        print_json({"id": made.id, "name": made.name, "token": made.secret.reveal(), "role": role, "team": team,
                    "person": person, "expires_at": made.expires_at})
        return
    # Only the token goes to standard output, so that a shell can catch it.
    click.echo(f"token {clean(made.name)}, valid until {moment(made.expires_at)}; shown only now:", err=True)
    click.echo(made.secret.reveal())


@token.command(name="list")
@with_session
def list_command(session: Session) -> None:
    """List the tokens, newest first.

    \b
    Example:
      stellwerk token list --json
    """
    from stellwerk.features.identity import list_tokens

    with read_home(session) as connection:
        found = list_tokens(connection)
    if session.as_json:
        print_json({"tokens": found})
        return
    table(["name", "state", "role", "team", "person", "expires"],
          [[clean(row["name"]), lamp("ready" if row["state"] == "valid" else row["state"]), row["role"], row["team"],
            row["person"], moment(row["expires_at"])] for row in found])


@token.command()
@click.argument("name")
@with_session
def revoke(session: Session, name: str) -> None:
    """Revoke the token of a name or id.

    \b
    Example:
      stellwerk token revoke laptop
    """
    from stellwerk.features.identity import revoke_token

    with write_home(session) as work:
        token_id = revoke_token(work, name)
    if session.as_json:
        print_json({"id": token_id, "state": "revoked"})
    else:
        facts([("revoked", clean(name))])
