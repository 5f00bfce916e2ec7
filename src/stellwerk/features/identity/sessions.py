"""Signing in by one-time link or password, browser sessions, setting a password, signing out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.identity import people, repository, tables
from stellwerk.features.identity.attempts import Attempts
from stellwerk.features.identity.passwords import check_password_form, hash_password, verify_password
from stellwerk.infra.database import Database, Work
from stellwerk.infra.http.context import SignedIn
from stellwerk.kernel import clock
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import Conflict, Forbidden, StellwerkError
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.ids import new_id
from stellwerk.kernel.secret import Secret

LINK_MINUTES = 15
# A one-time link is this address with the secret behind it.
LINK_PATH = "/sign-in/link/"
SESSION_HOURS = 12
_US = 1_000_000
_attempts = Attempts()


class SignInFailed(StellwerkError):
    """Name and password do not belong together; which of the two is wrong is not said."""

    code = "sign_in_failed"
    status = 401


class LinkSpent(StellwerkError):
    """A one-time link that is unknown, used or too old."""

    code = "link_spent"
    status = 410


def make_link(work: Work, name: str) -> Secret:
    """Make a one-time link for a person, valid 15 minutes, and end earlier ones; returns its secret.

    Raises Forbidden where another person asks for someone who has a password: that would be signing in as them.
    """
    found = people.get_person(work.connection, name)
    if not found["active"]:
        raise Conflict(f"{name} is shut out.", field="person", value=name)
    if work.actor.kind != "system" and work.actor.person_id != found["id"] and found["password_hash"] is not None:
        raise Forbidden(f"{name} has a password and signs in with it.", field="person", value=name,
                        hint="On the machine itself the operator can run: stellwerk user link NAME --home DIR")
    for link_id in repository.active_links(work.connection, found["id"], work.now_us):
        repository.change(work.connection, tables.login_link, link_id, expires_at=work.now_us)
        ledger.record(work, "login_link.ended", tables.login_link, link_id)
    secret = Secret(secrets.token_urlsafe(32))
    link_id = new_id()
    repository.add(work.connection, tables.login_link, {
        "id": link_id, "sha256": sha256_hex(secret.reveal().encode()), "person_id": found["id"],
        "created_by": work.actor.name, "created_at": work.now_us,
        "expires_at": work.now_us + LINK_MINUTES * 60 * _US})
    ledger.record(work, "login_link.created", tables.login_link, link_id)
    return secret


def create_first_admin(work: Work) -> Secret | None:
    """On a home without people, add the admin and return the secret of a one-time link; else None."""
    if repository.count_people(work.connection):
        return None
    people.add_person(work, people.ADMIN, "Administrator")
    people.grant(work, people.ADMIN, people.ADMIN)
    return make_link(work, people.ADMIN)


def link_owner(connection: Connection, secret: Secret) -> str:
    """Return the name of the person whom a usable link lets in; raises LinkSpent."""
    row = _usable_link(connection, secret, clock.to_us(clock.now()))
    owner = repository.by_id(connection, tables.person, row["person_id"])
    if owner is None or not owner["active"]:
        raise LinkSpent("This link no longer lets anybody in.")
    return str(owner["title"])


def _usable_link(connection: Connection, secret: Secret, now_us: int) -> RowMapping:
    digest = sha256_hex(secret.reveal().encode("utf-8", "surrogatepass"))
    row = repository.by_hash(connection, tables.login_link, digest)
    if row is None or row["used_at"] is not None or row["expires_at"] <= now_us:
        raise LinkSpent("This link has been used or is older than 15 minutes.",
                        hint="Ask for another one: stellwerk user link NAME")
    return row


def use_link(database: Database, secret: Secret) -> Secret:
    """Consume a one-time link and open a session; returns the secret of its cookie, raises LinkSpent."""
    with database.write(SYSTEM) as work:
        row = _usable_link(work.connection, secret, work.now_us)
        owner = repository.by_id(work.connection, tables.person, row["person_id"])
        if owner is None or not owner["active"]:
            raise LinkSpent("This link no longer lets anybody in.")
        work.actor = people.person_actor(work.connection, owner)
        repository.change(work.connection, tables.login_link, row["id"], used_at=work.now_us)
        ledger.record(work, "login_link.used", tables.login_link, row["id"])
        return _open_session(work, owner, "link")


def sign_in(database: Database, name: str, password: Secret, address: str) -> Secret:
    """Check name and password and open a session; returns the secret of its cookie.

    Raises SignInFailed, or TooManyAttempts after 5 failures of a name from an address in 15 minutes.
    """
    known = name[:200].strip().lower()
    _attempts.take(known, address, time.monotonic())
    with database.read() as connection:
        found = repository.person_named(connection, known)
    # Outside of any transaction: the hash takes a tenth of a second.
    good = verify_password(password, found["password_hash"] if found else None)
    if found is None or not good or not found["active"]:
        raise SignInFailed("Name and password do not match.",
                           hint="Check both, or ask for a one-time link: stellwerk user link NAME")
    _attempts.succeeded(known, address)
    with database.write(SYSTEM) as work:
        work.actor = people.person_actor(work.connection, found)
        return _open_session(work, found, "password")


def _open_session(work: Work, owner: RowMapping, via: str) -> Secret:
    repository.forget_sessions(work.connection, work.now_us - 30 * 86_400 * _US)
    secret = Secret(secrets.token_urlsafe(32))
    repository.add(work.connection, tables.session, {
        "id": new_id(), "sha256": sha256_hex(secret.reveal().encode()), "person_id": owner["id"], "via": via,
        "created_at": work.now_us, "expires_at": work.now_us + SESSION_HOURS * 3600 * _US})
    ledger.record(work, "person.signed_in", tables.person, owner["id"], {"via": via})
    return secret


def csrf_token(cookie: Secret) -> Secret:
    """Return the token that forms of a session carry; it follows from the cookie and does not reveal it."""
    mac = hmac.new(cookie.reveal().encode("utf-8", "surrogatepass"), b"stellwerk csrf", hashlib.sha256).digest()
    return Secret(base64.urlsafe_b64encode(mac).rstrip(b"=").decode())


def session_of_cookie(connection: Connection, cookie: Secret) -> SignedIn | None:
    """Return the session of a cookie, or None when it is unknown, ended, too old, or its person shut out."""
    digest = sha256_hex(cookie.reveal().encode("utf-8", "surrogatepass"))
    row = repository.by_hash(connection, tables.session, digest)
    if row is None or not hmac.compare_digest(row["sha256"], digest):
        return None
    if row["ended_at"] is not None or row["expires_at"] <= clock.to_us(clock.now()):
        return None
    owner = repository.by_id(connection, tables.person, row["person_id"])
    if owner is None or not owner["active"]:
        return None
    return SignedIn(actor=people.person_actor(connection, owner), session_id=row["id"],
                    csrf_token=csrf_token(cookie))


def sign_out(work: Work, session_id: str) -> None:
    """End a session."""
    repository.change(work.connection, tables.session, session_id, ended_at=work.now_us)


def needs_current_password(connection: Connection, session_id: str) -> bool:
    """Tell whether setting a password asks for the present one: not after a one-time link, nor for the first."""
    row = repository.by_id(connection, tables.session, session_id)
    owner = repository.by_id(connection, tables.person, row["person_id"]) if row else None
    return row is not None and owner is not None and row["via"] != "link" and owner["password_hash"] is not None


def set_password(database: Database, session: SignedIn, new: Secret, current: Secret | None, address: str) -> None:
    """Set the password of the person of a session and end the person's other sessions.

    Raises SignInFailed for a wrong present password, BadInput for a weak new one.
    """
    with database.read() as connection:
        owner = repository.by_id(connection, tables.person, session.actor.id)
        needed = needs_current_password(connection, session.session_id)
    assert owner is not None
    check_password_form(new, owner["name"])
    if needed:
        _attempts.take(owner["name"], address, time.monotonic())
        if current is None or not verify_password(current, owner["password_hash"]):
            raise SignInFailed("The present password is not right.", field="current_password")
        _attempts.succeeded(owner["name"], address)
    hashed = hash_password(new)
    with database.write(session.actor) as work:
        repository.change(work.connection, tables.person, owner["id"], password_hash=hashed,
                          password_set_at=work.now_us)
        repository.end_sessions(work.connection, owner["id"], work.now_us, keep=session.session_id)
        ledger.record(work, "person.password_set", tables.person, owner["id"])
