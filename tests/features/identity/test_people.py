import pytest
from sqlalchemy import text

from stellwerk.features import identity
from stellwerk.features.identity import people
from stellwerk.features.identity.permissions import INSTALLATION_ROLES, ROLES
from stellwerk.infra.database import Database
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import BadInput, Conflict, NotFound


def verbs(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(text("SELECT verb FROM ledger_event ORDER BY seq")).scalars())


def test_a_role_in_a_team_permits_there_only(database: Database) -> None:
    with database.read() as connection:
        vera = identity.actor_named(connection, "vera")
    assert vera.person_id == vera.id
    assert vera.has("validator", "lending")
    assert not vera.has("validator", "claims")
    assert vera.may("versions.approve", "lending")
    assert not vera.may("versions.approve", "claims")
    assert not vera.may("versions.approve", None)
    assert vera.teams("versions.approve") == {"lending"}


def test_an_admin_does_not_approve(database: Database) -> None:
    with database.read() as connection:
        ada = identity.actor_named(connection, "ada")
    assert ada.may("identity.admin", None)
    assert ada.may("services.read", "lending")
    assert not ada.may_anywhere("versions.approve")
    assert [role for role, held in ROLES.items() if "identity.admin" in held] == ["admin"]
    assert {role for role, held in ROLES.items() if "versions.approve" in held} == {"validator", "product_owner"}
    assert not ROLES["viewer"] & {"decisions.read", "jobs.create", "releases.write", "decide"}


def test_each_change_stands_on_the_ledger(database: Database) -> None:
    with database.write(SYSTEM) as work:
        identity.withdraw(work, "vera", "validator", "lending")
        identity.set_active(work, "vera", False)
        identity.set_active(work, "vera", False)
    assert verbs(database) == [
        "person.added", "team.created", "role.granted", "person.added", "role.granted", "role.withdrawn",
        "person.deactivated"]
    with database.read() as connection:
        assert people.roles_of(connection, people.get_person(connection, "vera")["id"]) == frozenset()


def test_granting_twice_writes_once(database: Database) -> None:
    before = verbs(database)
    with database.write(SYSTEM) as work:
        identity.grant(work, "vera", "validator", "lending")
    assert verbs(database) == before


@pytest.mark.parametrize("name", ["", "Vera", "a b", "../x", "-a", "a-", "a" * 64, "ve\u0301ra", "vera\n"])
def test_names_have_a_grammar(database: Database, name: str) -> None:
    with pytest.raises(BadInput), database.write(SYSTEM) as work:
        identity.add_person(work, name)
    with pytest.raises(BadInput), database.write(SYSTEM) as work:
        identity.ensure_team(work, name)


@pytest.mark.parametrize("title", [" ", "x\x1b[31m", "a\u202eb", "a" * 201, "a\nb"])
def test_titles_print(database: Database, title: str) -> None:
    with pytest.raises(BadInput), database.write(SYSTEM) as work:
        identity.add_person(work, "new", title)


def test_faults_name_the_way_out(database: Database) -> None:
    with pytest.raises(Conflict), database.write(SYSTEM) as work:
        identity.add_person(work, "vera")
    with pytest.raises(BadInput) as unknown, database.write(SYSTEM) as work:
        identity.grant(work, "vera", "king", "lending")
    assert unknown.value.allowed == sorted(ROLES)
    with pytest.raises(NotFound), database.write(SYSTEM) as work:
        identity.grant(work, "nobody", "viewer", "lending")
    with pytest.raises(NotFound), database.write(SYSTEM) as work:
        identity.withdraw(work, "vera", "builder", "lending")


@pytest.mark.parametrize("role", sorted(INSTALLATION_ROLES))
def test_roles_of_the_installation_have_no_team(database: Database, role: str) -> None:
    with pytest.raises(BadInput, match="whole installation"), database.write(SYSTEM) as work:
        identity.grant(work, "vera", role, "lending")


def test_the_last_admin_stays(database: Database) -> None:
    with pytest.raises(Conflict, match="last admin"), database.write(SYSTEM) as work:
        identity.withdraw(work, "ada", "admin")
    with database.write(SYSTEM) as work:
        identity.grant(work, "vera", "admin")
        identity.withdraw(work, "ada", "admin")


def test_lists_show_roles_and_no_secrets(database: Database) -> None:
    with database.read() as connection:
        listed = identity.list_people(connection)
        teams = identity.list_teams(connection)
    assert [(row["name"], row["title"]) for row in listed] == [("ada", "ada"), ("vera", "Vera Vogt")]
    assert listed[1]["roles"] == [{"role": "validator", "team": "lending"}]
    assert "password_hash" not in listed[0]
    assert listed[0]["has_password"] is False
    assert teams == [{"name": "lending", "title": "lending"}]
