"""Kept secrets: encrypted under a key that only the owner reads, and bound to their purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.infra.secret_box import KEY_FILE, SecretBox
from stellwerk.kernel.errors import Conflict
from stellwerk.kernel.secret import Secret


def test_a_secret_opens_for_its_purpose_only(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal(Secret("quiet signal"), "webhook 1")
    assert b"quiet" not in sealed
    assert SecretBox(tmp_path).open(sealed, "webhook 1").reveal() == "quiet signal"
    with pytest.raises(Conflict):
        SecretBox(tmp_path).open(sealed, "webhook 2")


def test_the_same_secret_never_looks_the_same(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    assert box.seal(Secret("a"), "x") != box.seal(Secret("a"), "x")


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "keys")
    sealed = box.seal(Secret("a"), "x")
    file = tmp_path / "keys" / KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(Conflict, match="others than its owner"):
        box.open(sealed, "x")


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data[:-1] + b"?"])
def test_a_damaged_text_does_not_open(tmp_path: Path, damage: object) -> None:
    box = SecretBox(tmp_path)
    sealed = box.seal(Secret("a"), "x")
    with pytest.raises(Conflict):
        box.open(damage(sealed), "x")  # type: ignore[operator]


def test_without_its_key_a_secret_does_not_open(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    sealed = box.seal(Secret("a"), "x")
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(Conflict, match="cannot be opened"):
        box.open(sealed, "x")
    assert not (tmp_path / KEY_FILE).exists()
