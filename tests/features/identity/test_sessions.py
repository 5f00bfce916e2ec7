from datetime import timedelta

import pytest
from sqlalchemy import text

from stellwerk.features import identity
from stellwerk.features.identity import sessions
from stellwerk.features.identity.attempts import TooManyAttempts
from stellwerk.infra.database import Database
from stellwerk.infra.http.context import SignedIn
from stellwerk.kernel import clock
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden
from stellwerk.kernel.secret import Secret

PASSWORD = Secret("seven quiet signals")


def link(database: Database, name: str = "vera") -> Secret:
    with database.write(SYSTEM) as work:
        return identity.make_link(work, name)


def session(database: Database, cookie: Secret) -> SignedIn | None:
    with database.read() as connection:
        return identity.session_of_cookie(connection, cookie)


def with_password(database: Database, name: str = "vera") -> SignedIn:
    opened = session(database, sessions.use_link(database, link(database, name)))
    assert opened is not None
    sessions.set_password(database, opened, PASSWORD, None, "::1")
    return opened


def test_a_link_works_once(database: Database) -> None:
    secret = link(database)
    with database.read() as connection:
        assert sessions.link_owner(connection, secret) == "Vera Vogt"
        assert sessions.link_owner(connection, secret) == "Vera Vogt"
    opened = session(database, sessions.use_link(database, secret))
    assert opened is not None
    assert opened.actor.name == "Vera Vogt"
    assert opened.actor.kind == "person"
    with pytest.raises(sessions.LinkSpent):
        sessions.use_link(database, secret)


def test_a_link_ends_after_15_minutes_and_with_the_next(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = link(database), link(database)
    with pytest.raises(sessions.LinkSpent):
        sessions.use_link(database, first)
    later = clock.now() + timedelta(minutes=15, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(sessions.LinkSpent):
        sessions.use_link(database, second)


def test_an_admin_makes_no_link_for_someone_with_a_password(database: Database) -> None:
    with database.read() as connection:
        ada = identity.actor_named(connection, "ada")
    with database.write(ada) as work:
        identity.make_link(work, "vera")
    with_password(database)
    with pytest.raises(Forbidden), database.write(ada) as work:
        identity.make_link(work, "vera")
    link(database)


def test_a_link_of_someone_shut_out_opens_nothing(database: Database) -> None:
    secret = link(database)
    with database.write(SYSTEM) as work:
        identity.set_active(work, "vera", False)
    with pytest.raises(sessions.LinkSpent):
        sessions.use_link(database, secret)
    with pytest.raises(Conflict):
        link(database)


def test_the_first_admin_is_made_on_an_empty_home_only(database: Database) -> None:
    with database.write(SYSTEM) as work:
        assert identity.create_first_admin(work) is None
        for table in ("membership", "person"):
            work.connection.execute(text(f"DELETE FROM {table}"))
    with database.write(SYSTEM) as work:
        secret = identity.create_first_admin(work)
    assert secret is not None
    opened = session(database, sessions.use_link(database, secret))
    assert opened is not None
    assert opened.actor.may("identity.admin", None)


def test_sign_in_by_password(database: Database) -> None:
    with_password(database)
    opened = session(database, sessions.sign_in(database, " Vera ", PASSWORD, "::1"))
    assert opened is not None
    assert opened.actor.name == "Vera Vogt"
    with database.read() as connection:
        stored = connection.execute(text("SELECT password_hash FROM person WHERE name='vera'")).scalar_one()
        leaves = connection.execute(text("SELECT group_concat(leaf) FROM ledger_event")).scalar_one()
    assert stored.startswith("$argon2id$")
    assert stored not in str(leaves)


@pytest.mark.parametrize(("name", "password"), [("vera", "seven quiet signal"), ("nobody", "seven quiet signals"),
                                                ("ada", ""), ("ada", "$argon2id$v=19$m=65536,t=3,p=4$x$y")])
def test_wrong_pairs_get_one_answer(database: Database, name: str, password: str) -> None:
    with_password(database)
    with pytest.raises(sessions.SignInFailed, match="do not match"):
        sessions.sign_in(database, name, Secret(password), "::1")


def test_unknown_names_cost_a_hash_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []

    def spy(password: Secret, stored: str | None) -> bool:
        seen.append(stored)
        return False

    monkeypatch.setattr(sessions, "verify_password", spy)
    with pytest.raises(sessions.SignInFailed):
        sessions.sign_in(database, "nobody", PASSWORD, "::1")
    assert seen == [None]


def test_guessing_is_braked_and_a_link_still_helps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with_password(database)
    monkeypatch.setattr(sessions, "verify_password", lambda password, stored: False)
    for _ in range(5):
        with pytest.raises(sessions.SignInFailed):
            sessions.sign_in(database, "vera", Secret("guess"), "10.0.0.1")
    with pytest.raises(TooManyAttempts) as braked:
        sessions.sign_in(database, "vera", PASSWORD, "10.0.0.1")
    assert braked.value.status == 429
    assert 0 < braked.value.retry_after <= 901
    assert session(database, sessions.use_link(database, link(database))) is not None


def test_sessions_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = sessions.use_link(database, link(database))
    opened = session(database, cookie)
    assert opened is not None
    with database.write(opened.actor) as work:
        sessions.sign_out(work, opened.session_id)
    assert session(database, cookie) is None
    cookie = sessions.use_link(database, link(database))
    later = clock.now() + timedelta(hours=12, seconds=1)
    with monkeypatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        assert session(database, cookie) is None
    with database.write(SYSTEM) as work:
        identity.set_active(work, "vera", False)
    assert session(database, cookie) is None


def test_a_new_password_ends_other_sessions_and_asks_for_the_old_one(database: Database) -> None:
    with_password(database)
    kept_cookie = sessions.sign_in(database, "vera", PASSWORD, "::1")
    other_cookie = sessions.sign_in(database, "vera", PASSWORD, "::1")
    kept = session(database, kept_cookie)
    assert kept is not None
    fresh = Secret("eight loud semaphores")
    with pytest.raises(sessions.SignInFailed):
        sessions.set_password(database, kept, fresh, None, "::1")
    with pytest.raises(sessions.SignInFailed):
        sessions.set_password(database, kept, fresh, Secret("wrong wrong wrong"), "::1")
    sessions.set_password(database, kept, fresh, PASSWORD, "::1")
    assert session(database, kept_cookie) is not None
    assert session(database, other_cookie) is None
    with pytest.raises(sessions.SignInFailed):
        sessions.sign_in(database, "vera", PASSWORD, "::1")
    sessions.sign_in(database, "vera", fresh, "::1")


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaaaaaa", "abababababab", "x" * 201])
def test_weak_passwords_are_refused(database: Database, weak: str) -> None:
    opened = session(database, sessions.use_link(database, link(database)))
    assert opened is not None
    with pytest.raises(BadInput) as refused:
        sessions.set_password(database, opened, Secret(weak), None, "::1")
    assert weak not in str(refused.value.body())


def test_the_form_token_follows_from_the_cookie_and_hides_it() -> None:
    one, two = sessions.csrf_token(Secret("a")), sessions.csrf_token(Secret("b"))
    assert one == sessions.csrf_token(Secret("a"))
    assert one != two
    assert len(one.reveal()) == 43
