"""``stellwerk user``: people and roles of a home, managed where the home lies."""

from __future__ import annotations

import click

from stellwerk.cli.home import read_home, write_home
from stellwerk.cli.output import clean, print_json, table
from stellwerk.cli.session import Session, read_running, with_session


@click.group()
def user() -> None:
    """Manage people, roles and sign-in links.

    Works on the home folder itself, with or without a running server.

    \b
    Examples:
      stellwerk user add vera --title "Vera Vogt" --role validator --team lending
      stellwerk user link vera
      stellwerk user grant vera product_owner --team lending
      stellwerk user list
    """


def _say(session: Session, answer: dict[str, object], text: str) -> None:
    if session.as_json:
        print_json(answer)
    else:
        click.echo(text)


@user.command()
@click.argument("name")
@click.option("--title", metavar="TEXT", help="The name as people read it.")
@click.option("--role", "roles", multiple=True, metavar="ROLE", help="A role to give; may be repeated.")
@click.option("--team", metavar="TEAM", help="The team in which the roles are held.")
@with_session
def add(session: Session, name: str, title: str | None, roles: tuple[str, ...], team: str | None) -> None:
    """Add a person.

    \b
    Example:
      stellwerk user add vera --title "Vera Vogt" --role validator --team lending
    """
    from stellwerk.features.identity import add_person, grant

    with write_home(session) as work:
        person_id = add_person(work, name, title)
        for role in roles:
            grant(work, name, role, team)
    _say(session, {"id": person_id, "name": name, "title": title or name, "roles": list(roles), "team": team},
         f"added {clean(name)}; let the person in with: stellwerk user link {clean(name)}")


@user.command()
@click.argument("name")
@click.argument("role")
@click.option("--team", metavar="TEAM", help="The team in which the role is held.")
@with_session
def grant(session: Session, name: str, role: str, team: str | None) -> None:
    """Give a person a role.

    \b
    Example:
      stellwerk user grant vera validator --team lending
    """
    from stellwerk.features.identity import grant as give

    with write_home(session) as work:
        give(work, name, role, team)
    _say(session, {"name": name, "role": role, "team": team}, f"{clean(name)} is now {clean(role)}")


@user.command()
@click.argument("name")
@click.argument("role")
@click.option("--team", metavar="TEAM", help="The team in which the role is held.")
@with_session
def withdraw(session: Session, name: str, role: str, team: str | None) -> None:
    """Take a role from a person.

    \b
    Example:
      stellwerk user withdraw vera validator --team lending
    """
    from stellwerk.features.identity import withdraw as take

    with write_home(session) as work:
        take(work, name, role, team)
    _say(session, {"name": name, "role": role, "team": team}, f"{clean(name)} is no longer {clean(role)}")


@user.command()
@click.argument("name")
@with_session
def link(session: Session, name: str) -> None:
    """Make a one-time sign-in link, valid 15 minutes; earlier ones end.

    \b
    Example:
      stellwerk user link admin
    """
    from stellwerk.features.identity import LINK_PATH, make_link

    with write_home(session) as work:
        secret = make_link(work, name)
    running = read_running(session.home)
    base = session.url or (running.url if running else None)
    path = LINK_PATH + secret.reveal()
    if base is None and not session.as_json:
        click.echo("Stellwerk does not run on this home now; put its address in front:", err=True)
    _say(session, {"name": name, "path": path, "url": base + path if base else None}, (base or "") + path)


@user.command()
@click.argument("name")
@with_session
def close(session: Session, name: str) -> None:
    """Shut a person out, with all sessions and tokens.

    \b
    Example:
      stellwerk user close vera
    """
    _set_active(session, name, False)


@user.command(name="open")
@click.argument("name")
@with_session
def open_command(session: Session, name: str) -> None:
    """Let a person in again.

    \b
    Example:
      stellwerk user open vera
    """
    _set_active(session, name, True)


def _set_active(session: Session, name: str, active: bool) -> None:
    from stellwerk.features.identity import set_active

    with write_home(session) as work:
        set_active(work, name, active)
    _say(session, {"name": name, "active": active}, f"{clean(name)} is {'let in again' if active else 'shut out'}")


@user.command(name="list")
@with_session
def list_command(session: Session) -> None:
    """List people with their roles.

    \b
    Example:
      stellwerk user list --json
    """
    from stellwerk.features.identity import list_people

    with read_home(session) as connection:
        found = list_people(connection)
    if session.as_json:
        print_json({"people": found})
        return
    table(["name", "title", "can sign in", "roles"],
          [[clean(row["name"]), clean(row["title"]), "yes" if row["active"] else "no",
            ", ".join(role["role"] + (f" in {clean(role['team'])}" if role["team"] else "") for role in row["roles"])]
           for row in found])
