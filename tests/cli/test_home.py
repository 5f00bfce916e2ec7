"""Commands that open a home folder, with no server running."""

import json
import sqlite3

import pytest


def test_a_token_is_made_on_a_home_that_nobody_started_yet_and_shown_once(call, tmp_path):
    said = call("token", "create", "laptop", "--role", "operator", "--team", "lending")
    assert said.code == 0, said.err
    assert said.out.startswith("stw_")
    assert len(said.out.splitlines()) == 1
    assert said.out.strip().encode() not in (tmp_path / "home" / "control.sqlite").read_bytes()
    again = call("token", "create", "laptop", "--role", "operator", "--team", "lending")
    assert again.code == 1
    assert "stellwerk token revoke laptop" in again.err
    assert again.out == ""
    listed = call("token", "list", "--json").json["tokens"]
    assert [(row["name"], row["state"]) for row in listed] == [("laptop", "valid")]
    assert call("token", "revoke", "laptop").code == 0
    assert call("token", "list", "--json").json["tokens"][0]["state"] == "revoked"
    assert call("token", "revoke", "laptop").code == 1


@pytest.mark.parametrize(("words", "field"), [
    (["--role", "bilder", "--team", "lending"], "role"), (["--role", "admin", "--team", "lending"], "team"),
    (["--role", "viewer", "--team", "lending", "--days", "0"], "days"),
    (["--role", "viewer", "--team", "Not A Team!"], "team")])
def test_a_token_that_cannot_be_made_names_field_value_and_allowed(call, words, field):
    said = call("token", "create", "x", *words, "--json")
    assert said.code == 1
    assert said.json["field"] == field
    assert "allowed" in said.json


def test_who_builds_is_a_person_unless_it_is_a_service_account(call):
    assert call("token", "create", "bea", "--role", "builder", "--team", "lending", "--json").json["person"] == "bea"
    made = call("token", "create", "ci", "--role", "builder", "--team", "lending", "--service-account", "--json").json
    assert made["person"] is None
    assert [row["name"] for row in call("user", "list", "--json").json["people"]] == ["bea"]


def test_people_are_added_given_roles_shut_out_and_let_in_by_link(call, tmp_path):
    assert call("user", "add", "vera", "--title", "Vera Vogt", "--role", "validator", "--team", "lending").code == 0
    assert call("user", "grant", "vera", "product_owner", "--team", "lending").code == 0
    assert call("user", "withdraw", "vera", "validator", "--team", "lending").code == 0
    person = call("user", "list", "--json").json["people"][0]
    assert person["title"] == "Vera Vogt"
    assert person["roles"] == [{"role": "product_owner", "team": "lending"}]
    assert "product_owner in lending" in call("user", "list").out
    said = call("user", "link", "vera")
    assert said.out.startswith("/sign-in/link/")
    assert "does not run" in said.err
    assert call("user", "link", "vera", "--url", "http://h:1").out.startswith("http://h:1/sign-in/link/")
    assert call("user", "close", "vera").code == 0
    assert call("user", "list", "--json").json["people"][0]["active"] is False
    assert call("user", "link", "vera").code == 1
    assert call("user", "open", "vera").code == 0
    assert call("user", "link", "nobody", "--json").json["error_code"] == "not_found"


def test_a_half_good_call_changes_nothing(call):
    assert call("user", "add", "vera", "--role", "nonsense", "--team", "lending").code == 1
    assert call("user", "add", "vera").code == 0


@pytest.mark.parametrize("words", [["token", "list"], ["user", "list"]])
def test_looking_makes_no_home(call, tmp_path, words):
    said = call(*words)
    assert said.code == 1
    assert "stellwerk up --home" in said.err
    assert not (tmp_path / "home").exists()


def test_a_home_of_a_newer_release_is_refused_with_the_way_out(call, tmp_path):
    assert call("user", "add", "vera").code == 0
    with sqlite3.connect(tmp_path / "home" / "control.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    said = call("token", "create", "x", "--role", "viewer", "--team", "t", "--json")
    assert said.code == 1
    assert said.json["error_code"] == "conflict"
    assert said.json["hint"]


def test_a_file_that_is_no_proof_and_one_that_is_missing(call, tmp_path):
    said = call("verify", str(tmp_path / "none.json"))
    assert said.code == 1
    assert "--export" in said.err
    (tmp_path / "x.json").write_text(json.dumps({"format": "x"}))
    assert call("verify", str(tmp_path / "x.json")).code == 1
    assert call("verify", str(tmp_path / "x.json"), "--json").json["ok"] is False
    assert call("verify", "--head", str(tmp_path / "none.txt")).code == 1


def test_an_installation_is_verified_and_a_changed_byte_named(call, tmp_path):
    assert call("user", "add", "vera").code == 0
    said = call("verify", "--json")
    assert said.code == 0, said.out
    assert said.json["holds"] is True
    with sqlite3.connect(tmp_path / "home" / "control.sqlite") as connection:
        connection.execute("UPDATE person SET title = 'Vero'")
    connection.close()
    said = call("verify")
    assert said.code == 1
    assert "person" in said.out
