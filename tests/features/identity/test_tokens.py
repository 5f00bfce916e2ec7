import hmac
from datetime import timedelta

import pytest
from sqlalchemy import text

from stellwerk.features import identity
from stellwerk.infra.database import Database
from stellwerk.kernel import clock
from stellwerk.kernel.actor import SYSTEM, Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, NotFound
from stellwerk.kernel.secret import Secret


def make(database: Database, name: str = "ci", role: str = "builder", *, actor: Actor = SYSTEM,
         team: str | None = None, person: str | None = None, days: int = 90) -> identity.NewToken:
    with database.write(actor) as work:
        return identity.create_token(work, name, role, team=team, person=person, days=days)


def actor_of(database: Database, secret: Secret) -> Actor | None:
    with database.read() as connection:
        return identity.actor_of_token(connection, secret)


def test_a_token_is_256_bits_with_a_prefix_and_only_its_hash_is_kept(database: Database) -> None:
    made = make(database, team="lending")
    shown = made.secret.reveal()
    assert shown.startswith("stw_")
    assert len(shown) == 47
    assert "stw_" not in repr(made)
    with database.read() as connection:
        kept = connection.execute(text("SELECT * FROM token")).mappings().one()
    assert shown not in [str(value) for value in kept.values()]
    assert len(kept["sha256"]) == 64


def test_a_service_account_has_its_role_and_nobody_behind_it(database: Database) -> None:
    actor = actor_of(database, make(database, team="lending").secret)
    assert actor is not None
    assert actor.kind == "token"
    assert actor.person_id is None
    assert actor.name == "ci"
    assert actor.may("jobs.create", "lending")
    assert not actor.may("jobs.create", "claims")
    everywhere = actor_of(database, make(database, "all").secret)
    assert everywhere is not None
    assert everywhere.may("jobs.create", "claims")


def test_a_persons_token_names_the_person_and_ends_with_the_role(database: Database) -> None:
    made = make(database, "vera-laptop", "validator", team="lending", person="vera")
    actor = actor_of(database, made.secret)
    assert actor is not None
    assert actor.name == "Vera Vogt"
    assert actor.person_id is not None
    with database.write(SYSTEM) as work:
        identity.withdraw(work, "vera", "validator", "lending")
    assert actor_of(database, made.secret) is None


def test_a_persons_token_ends_when_the_person_is_shut_out(database: Database) -> None:
    made = make(database, "vera-laptop", "validator", team="lending", person="vera")
    with database.write(SYSTEM) as work:
        identity.set_active(work, "vera", False)
    assert actor_of(database, made.secret) is None


def test_nobody_makes_a_token_in_anothers_name(database: Database) -> None:
    with database.read() as connection:
        ada, vera = identity.actor_named(connection, "ada"), identity.actor_named(connection, "vera")
    with pytest.raises(Forbidden):
        make(database, "sly", "validator", team="lending", person="vera", actor=ada)
    # Nor a token of vera herself, which would outlive its own end.
    as_token = Actor(kind="token", id="t", name="Vera Vogt", person_id=vera.id)
    with pytest.raises(Forbidden):
        make(database, "sly", "validator", team="lending", person="vera", actor=as_token)
    make(database, "own", "validator", team="lending", person="vera", actor=vera)


def test_a_person_gives_no_role_that_is_not_held(database: Database) -> None:
    with pytest.raises(BadInput, match="does not hold"):
        make(database, "sly", "admin", person="vera")


def test_revoked_and_expired_tokens_open_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    revoked, expiring = make(database, "revoked"), make(database, "short", days=1)
    with database.write(SYSTEM) as work:
        identity.revoke_token(work, "revoked")
    assert actor_of(database, revoked.secret) is None
    assert actor_of(database, expiring.secret) is not None
    later = clock.now() + timedelta(days=1, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert actor_of(database, expiring.secret) is None
    with database.read() as connection:
        assert [row["state"] for row in identity.list_tokens(connection)] == ["expired", "revoked"]


@pytest.mark.parametrize("text", ["", "stw_", "stw_" + "A" * 43, "x" * 10_000, "\udcff", "' OR 1=1 --"])
def test_foreign_text_opens_nothing(database: Database, text: str) -> None:
    make(database)
    assert actor_of(database, Secret(text)) is None


def test_hashes_are_compared_in_constant_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(database)
    compared: list[tuple[object, object]] = []
    real = hmac.compare_digest

    def spy(left: str, right: str) -> bool:
        compared.append((left, right))
        return real(left, right)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert actor_of(database, made.secret) is not None
    assert len(compared) == 1
    assert compared[0][0] == compared[0][1]


def test_a_name_is_free_again_after_revocation(database: Database) -> None:
    make(database)
    with pytest.raises(Conflict):
        make(database)
    with database.write(SYSTEM) as work:
        identity.revoke_token(work, "ci")
        with pytest.raises(NotFound):
            identity.revoke_token(work, "ci")
    make(database)


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_token_has_an_end(database: Database, days: int) -> None:
    with pytest.raises(BadInput):
        make(database, days=days)


def test_the_gateway_learns_of_valid_deciders_only(database: Database) -> None:
    shop = make(database, "shop", "operator", team="lending")
    make(database, "watcher", "viewer", team="lending")
    make(database, "gone", "operator")
    with database.write(SYSTEM) as work:
        identity.revoke_token(work, "gone")
        identity.grant(work, "vera", "builder", "lending")
    make(database, "veras", "builder", team="lending", person="vera")
    with database.read() as connection:
        known = identity.tokens_that_may(connection, "decide")
    assert {entry.name for entry in known} == {"shop", "veras"}
    assert all(entry.team == "lending" and len(entry.sha256) == 64 for entry in known)
    assert shop.secret.reveal() not in repr(known)
    with database.write(SYSTEM) as work:
        identity.withdraw(work, "vera", "builder", "lending")
    with database.read() as connection:
        assert [entry.name for entry in identity.tokens_that_may(connection, "decide")] == ["shop"]
