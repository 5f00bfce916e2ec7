"""The installation's key and its signed tree heads, among them hostile ones."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.infra import crypto
from stellwerk.kernel.errors import BadInput, Conflict

KEY = crypto.SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROOT = hashlib.sha256(b"root").digest()


def _hex_of(folder: Path) -> str:
    return crypto.load_key(folder).public.hex


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with ProcessPoolExecutor(4) as pool:
        found = set(pool.map(_hex_of, [keys] * 8))
    assert len(found) == 1
    assert sorted(os.listdir(keys)) == ["installation.pem", "installation.pub"]
    assert stat.S_IMODE((keys / "installation.pem").stat().st_mode) == 0o600
    assert {(keys / "installation.pub").read_text().strip()} == found


def test_a_key_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    crypto.load_key(tmp_path)
    (tmp_path / "installation.pem").chmod(0o640)
    with pytest.raises(Conflict, match="others") as caught:
        crypto.load_key(tmp_path)
    assert "chmod 600" in caught.value.body()["hint"]


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    crypto.load_key(tmp_path)
    (tmp_path / "installation.pem").write_text("something else")
    with pytest.raises(BadInput, match="no Ed25519 key"):
        crypto.load_key(tmp_path)


def test_signatures_verify_and_only_over_the_same_bytes() -> None:
    signature = KEY.sign(b'{"a":1}')
    assert KEY.public.verifies(b'{"a":1}', signature)
    assert not KEY.public.verifies(b'{"a":2}', signature)
    assert not KEY.public.verifies(b'{"a":1}', signature[:-1])


def test_a_checkpoint_cannot_be_had_through_the_general_signature() -> None:
    head = crypto.Checkpoint(KEY.public.origin("control"), 7, ROOT)
    with pytest.raises(ValueError, match="checkpoint"):
        KEY.sign(head.body())


@given(st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back(size: int, root: bytes) -> None:
    head = crypto.verify_note(KEY.checkpoint("decisions-3", size, root), KEY.public)
    assert (head.log, head.size, head.root) == ("decisions-3", size, root)


def test_the_note_has_the_form_of_the_standard() -> None:
    """Written out by hand from C2SP signed-note: key id = SHA-256(name || LF || 0x01 || key)[:4]."""
    lines = KEY.checkpoint("control", 5, ROOT).split("\n")
    name = lines[0]
    assert lines[1:4] == ["5", base64.b64encode(ROOT).decode(), ""]
    assert lines[4].startswith(f"— {name} ")
    blob = base64.b64decode(lines[4].split(" ")[2])
    raw = bytes.fromhex(KEY.public.hex)
    assert blob[:4] == hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]
    assert len(blob) == 68
    assert lines[5:] == [""]


def test_the_example_of_the_standard_parses() -> None:
    note = ("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
            "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
            "nTo+zyWE+xeMcTOAYQ8=\n")
    head, signatures = crypto.parse_note(note)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert [name for name, _ in signatures] == ["example.com/behind-the-sofa"]
    with pytest.raises(BadInput, match="another installation"):
        crypto.verify_note(note, KEY.public)


NOTE = KEY.checkpoint("control", 12, ROOT)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_changed_character_survives(at: int, char: str) -> None:
    changed = NOTE[:at] + char + NOTE[at + 1:]
    if changed != NOTE:
        with pytest.raises(BadInput):
            crypto.verify_note(changed, KEY.public)


@given(st.text())
def test_hostile_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(BadInput):
        crypto.verify_note(text, KEY.public)


@pytest.mark.parametrize(("change", "why"), [
    (lambda note: note[:-1], "empty line"),
    (lambda note: note + "\n", "empty line"),
    (lambda note: note.replace("\n12\n", "\n012\n"), "not origin"),
    (lambda note: note.replace("\n12\n", "\n-12\n"), "not origin"),
    (lambda note: note.replace("\n12\n", "\n12\nextra\n"), "not origin"),
    (lambda note: note.replace("\n", "\r\n"), "control"),
    (lambda note: note.replace("— ", "- "), "malformed"),
    (lambda note: note + note.split("\n")[4] + "\n" + "x", "empty line"),
    (lambda note: note + (note.split("\n")[4] + "\n") * 16, "too many"),
    (lambda note: "x" * 20_000 + note, "too long"),
])
def test_each_departure_is_named(change: object, why: str) -> None:
    assert callable(change)
    with pytest.raises(BadInput, match=why):
        crypto.verify_note(change(NOTE), KEY.public)


def test_other_keys_on_a_note_are_ignored_but_do_not_stand_in() -> None:
    other = crypto.SigningKey(Ed25519PrivateKey.generate())
    body = NOTE.split("\n\n")[0] + "\n"
    name = NOTE.split("\n")[0]
    foreign = base64.b64encode(other.public.note_id(name) + other._private.sign(body.encode())).decode()
    assert crypto.verify_note(f"{NOTE}— {name} {foreign}\n", KEY.public).size == 12
    with pytest.raises(BadInput, match="names this installation's key"):
        crypto.verify_note(f"{body}\n— {name} {foreign}\n", KEY.public)
