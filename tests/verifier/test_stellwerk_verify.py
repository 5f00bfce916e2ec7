"""The verifier accepts what the installation exports, alone and offline, and names every change."""

from __future__ import annotations

import ast
import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.infra.crypto import SigningKey
from stellwerk.infra.database import Database
from stellwerk.kernel import canonical_json
from stellwerk.verifier import stellwerk_verify

from .conftest import KEY, ROWS, TABLES, decision_leaf, make_history, make_pack

FILE = Path(stellwerk_verify.__file__)


def failures(pack: dict[str, Any]) -> list[str]:
    return [failure["piece"] for failure in stellwerk_verify.check_pack(pack).failures]


def test_an_exported_decision_verifies_and_says_what_is_proven(pack: dict[str, Any]) -> None:
    report = stellwerk_verify.check_pack(pack, KEY.public.raw)
    assert report.failures == []
    told = "\n".join(report.proven)
    for part in ("number 6 of 11 in the log decisions-3", "'selected' (score 0.71, threshold 0.65)",
                 "Inputs, subject and protected attributes are those", "revision.champion: revision rev-1",
                 "Vera Validator (validator) signed 'approve' on exactly the content of revision rev-1",
                 "rows 2380", "The revision was released at", "signed with the key given"):
        assert part in told
    unproven = "\n".join(report.not_proven)
    assert "second ledger" in unproven
    assert "--key" not in unproven
    assert "does not hold it" not in unproven


def test_it_runs_alone_without_platform(pack: dict[str, Any], tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path / "v.py")
    (tmp_path / "pack.json").write_text(json.dumps(pack), encoding="utf-8")
    (tmp_path / "key.pub").write_text(KEY.public.hex + "\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-I", "v.py", *arguments], cwd=tmp_path, capture_output=True, text=True,
                              check=False)

    done = run("pack.json", "--key", "key.pub")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VERIFIED: pack.json")
    assert run("pack.json", "--key", KEY.public.hex).returncode == 0
    other = SigningKey(Ed25519PrivateKey.generate()).public.hex
    found = json.loads(run("pack.json", "--key", other, "--json").stdout)
    assert not found["ok"]
    assert [failure["piece"] for failure in found["failures"]] == ["public key"]
    for arguments in (["none.json"], ["v.py"], ["pack.json", "--key", "none.pub"], ["pack.json", "--key", "v.py"]):
        done = run(*arguments)
        assert (done.returncode, done.stderr) == (2, "")
        assert done.stdout.startswith("CANNOT READ")


def test_it_imports_only_the_standard_library_and_cryptography() -> None:
    names = set()
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add(str(node.module).split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


def scalars(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in the pack, containers included."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from scalars(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from scalars(inner, (*path, index))


def expected_piece(path: tuple[Any, ...]) -> str:
    """Return the piece that a change at this path must be named as."""
    top = path[0]
    if top == "lineage" and len(path) > 1:
        return f"lineage {path[1] + 1}"
    if path[:2] == ("decision", "personal"):
        return "decision: personal part"
    return {"public_key": "control head", "checkpoint": "control head",
            "signature": "signature over the pack"}.get(top, str(top))


def variants(value: Any) -> Iterator[Any]:
    if isinstance(value, str):
        for at in {0, len(value) // 2, len(value) - 1}:
            yield value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1:]
        yield value + "\n"
        yield value[:-1]
        yield value.upper() if value.upper() != value else value.lower()
        yield 7
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
        yield float(value)
        yield str(value)
    elif isinstance(value, list):
        yield value[:-1]
        yield [*value, value[-1]]
        yield value[::-1]
        yield {}
    elif isinstance(value, dict):
        yield {**value, "more": "claims"}
        yield {key: inner for key, inner in list(value.items())[1:]}
        yield []
    yield None


def replaced(pack: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(pack)
    inner: Any = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


def test_every_change_of_every_field_fails_and_is_named(pack: dict[str, Any]) -> None:
    tried = 0
    for path in scalars(pack):
        if path == ("format",):
            continue
        original: Any = pack
        for step in path:
            original = original[step]
        for value in variants(original):
            if value == original and type(value) is type(original):
                continue
            named = failures(replaced(pack, path, value))
            tried += 1
            whole = {"signature over the pack"} if path == ("lineage",) or value is None else set()
            if path == ("decision", "personal") and value is None:
                assert named == ["signature over the pack"]
            elif path == ("public_key",):
                assert {"public key", "control head"} & set(named), (path, value, named)
            else:
                assert ({expected_piece(path)} | whole) & set(named), (path, value, named)
    assert tried > 1000


def test_pieces_cannot_be_dropped_added_or_swapped(pack: dict[str, Any]) -> None:
    for key in pack:
        if key != "format":
            assert "pack" in failures({name: value for name, value in pack.items() if name != key})
    assert "pack" in failures({**pack, "note": "trust me"})
    for index in range(len(pack["lineage"])):
        shorter = {**pack, "lineage": pack["lineage"][:index] + pack["lineage"][index + 1:]}
        assert "signature over the pack" in failures(shorter)
    swapped = copy.deepcopy(pack)
    first, second = swapped["lineage"][0], swapped["lineage"][1]
    first["leaf"], second["leaf"] = second["leaf"], first["leaf"]
    assert {"lineage 1", "lineage 2"} <= set(failures(swapped))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_changed_byte_of_the_file_is_accepted(data: st.DataObject, pack: dict[str, Any], tmp_path: Path) -> None:
    content = bytearray(canonical_json.dumps(pack))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    file = tmp_path / "pack.json"
    file.write_bytes(bytes(content))
    status, found = stellwerk_verify.run(str(file))
    assert status in (1, 2)
    assert not found["ok"]


def test_the_seal_over_the_pack_does_not_stand_in_for_its_pieces(pack: dict[str, Any]) -> None:
    """Even one who can sign packs cannot slip in the lineage of another decision."""
    forged = copy.deepcopy(pack)
    forged["lineage"][0]["state"]["json"] = forged["lineage"][0]["state"]["json"].replace("lending", "mending")
    del forged["signature"]
    forged["signature"] = KEY.sign(canonical_json.dumps(forged)).hex()
    assert failures(forged) == ["lineage 1"]


def test_a_lineage_of_something_else_is_refused(database: Database) -> None:
    make_history(database)
    pack = make_pack(database, rows=[*ROWS, ("bundle", "0" * 64)])
    report = stellwerk_verify.check_pack(pack)
    assert [failure["reason"] for failure in report.failures] == [f"bundle {'0' * 64} has nothing to do with this "
                                                                  "decision"]


def test_what_is_missing_is_said(database: Database) -> None:
    make_history(database)
    report = stellwerk_verify.check_pack(make_pack(database, rows=[("revision", "rev-1")]))
    assert report.failures == []
    for missing in ("run run-1", f"bundle {'b' * 64}", "dataset_version dv-1", "evaluation ev-1"):
        assert any(f"Anything about {missing}" in line for line in report.not_proven)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"revision": "rev-9"}, "has nothing to do with"), ({"service": "other"}, "another service than its revision"),
    ({"model_version": 3}, "another model_version than its revision"),
    ({"at": "2020-01-01T00:00:00.000000Z"}, "before its revision was first released"),
])
def test_a_decision_that_does_not_fit_its_lineage_is_refused(database: Database, changes: dict[str, Any],
                                                             reason: str) -> None:
    make_history(database)
    found = stellwerk_verify.check_pack(make_pack(database, decision_leaf(6, **changes)))
    assert any(reason in failure["reason"] for failure in found.failures)


def test_an_approval_of_other_content_is_not_called_one(database: Database) -> None:
    make_history(database, content_digest="f" * 64)
    report = stellwerk_verify.check_pack(make_pack(database))
    assert report.failures == []
    assert not any("signed 'approve'" in line for line in report.proven)
    assert any("the digest signed by Vera Validator is not that of the revision" in line for line in report.not_proven)


def test_the_pack_cannot_steer_a_terminal(pack: dict[str, Any], tmp_path: Path) -> None:
    pack["decision"]["\x1b[2J\x1b[1;32mVERIFIED"] = 1
    file = tmp_path / "pack.json"
    file.write_text(json.dumps(pack))
    _, found = stellwerk_verify.run(str(file))
    assert "\x1b" not in stellwerk_verify.words(found)
    assert stellwerk_verify.words(found).startswith("NOT VERIFIED")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"format":"stellwerk-proof/2"}',
                                     b'{"format":"stellwerk-proof/1","format":"stellwerk-proof/1"}', b"[" * 100_000])
def test_what_is_no_pack_is_unreadable(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "pack.json"
    file.write_bytes(content)
    assert stellwerk_verify.run(str(file))[0] == 2


def test_the_columns_that_are_followed_exist() -> None:
    for kind, columns in stellwerk_verify.REFERENCES.items():
        assert set(columns) <= set(TABLES[kind].columns.keys()), kind
    for kind, (_, column) in stellwerk_verify.SPEAKS_OF.items():
        assert column in TABLES[kind].columns, kind
    for kind, told in stellwerk_verify.TOLD.items():
        assert set(told) <= set(TABLES[kind].columns.keys()), kind
