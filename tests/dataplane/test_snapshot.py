"""A snapshot is published whole; a reader keeps what it has when the next one is damaged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stellwerk.dataplane import snapshot as module
from stellwerk.dataplane.snapshot import (
    FORMAT,
    Field,
    Reader,
    Revision,
    Route,
    Snapshot,
    TokenEntry,
    content_of,
    present_generation,
    publish,
    read,
)


def made(generation: int = 1, **changes: Any) -> Snapshot:
    values: dict[str, Any] = {
        "format": FORMAT, "generation": generation, "published_at": 5, "hosts": ["localhost"],
        "routes": [Route(service="loans", team="lending", champion="r1")],
        "revisions": [Revision(id="r1", service="loans", version=1, model="ab", threshold=0.5, below="review",
                               inputs=[Field(name="income", type="number", minimum=0)])],
        "tokens": [TokenEntry(sha256="0" * 64, id="t", name="till")]}
    return Snapshot(**(values | changes))


def test_what_is_published_is_read_once(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "snapshots")
    assert (reader.poll(), reader.problem) == (None, None)
    publish(tmp_path / "snapshots", made(1))
    assert reader.poll() == made(1)
    assert reader.poll() is None
    publish(tmp_path / "snapshots", made(2, hosts=["a", "b"]))
    assert reader.poll() == made(2, hosts=["a", "b"])
    assert (reader.generation, reader.problem) == (2, None)


@pytest.mark.parametrize("content", [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format":1}',
    msgspec.json.encode(made(2, format=FORMAT + 1)), msgspec.json.encode(made(2))[:-20],
    msgspec.json.encode(made(2)).replace(b'"review"', b'"perhaps"')])
def test_a_damaged_or_newer_snapshot_leaves_the_last_good_one(tmp_path: Path, content: bytes) -> None:
    publish(tmp_path, made(1))
    reader = Reader(tmp_path)
    assert reader.poll() == made(1)
    publish(tmp_path, made(2))
    (tmp_path / "2.json").write_bytes(content)
    for _ in range(2):
        assert reader.poll() is None
        assert reader.generation == 1
        assert reader.problem is not None
        assert "snapshot 2 cannot be used" in reader.problem
    with pytest.raises(ValueError):
        read(tmp_path / "2.json")
    publish(tmp_path, made(3))
    assert reader.poll() == made(3)
    assert reader.problem is None


def test_a_generation_that_is_back_where_it_was_is_no_problem(tmp_path: Path) -> None:
    publish(tmp_path, made(1))
    reader = Reader(tmp_path)
    reader.poll()
    (tmp_path / "generation").write_text("2")
    assert reader.poll() is None
    assert reader.problem is not None
    (tmp_path / "generation").write_text("1")
    assert reader.poll() is None
    assert reader.problem is None


def test_a_generation_that_is_no_number_counts_as_none(tmp_path: Path) -> None:
    for text in (b"", b"x", b"\xff", b"-"):
        (tmp_path / "generation").write_bytes(text)
        assert present_generation(tmp_path) == 0


def test_a_folder_that_cannot_be_read_leaves_the_last_good_one(tmp_path: Path) -> None:
    publish(tmp_path, made(1))
    reader = Reader(tmp_path)
    reader.poll()
    (tmp_path / "generation").unlink()
    (tmp_path / "generation").mkdir()
    assert reader.poll() is None
    assert reader.generation == 1
    assert reader.problem is not None


@pytest.mark.parametrize("failing", [1, 2, 3, 4])
def test_a_publication_cut_short_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """Each of the four steps (sync and rename, of snapshot and generation) may be the last one."""
    publish(tmp_path, made(1))
    steps = 0

    def step(real: Any) -> Any:
        def wrapped(*values: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == failing:
                raise OSError(28, "No space left on device")
            return real(*values)
        return wrapped

    with monkeypatch.context() as broken:
        broken.setattr(module.os, "fsync", step(os.fsync))
        broken.setattr(module.os, "replace", step(os.replace))
        with pytest.raises(OSError):
            publish(tmp_path, made(2))
    reader = Reader(tmp_path)
    assert reader.poll() == made(1)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
    publish(tmp_path, made(2))
    assert reader.poll() == made(2)


def test_old_snapshots_are_cleared_away(tmp_path: Path) -> None:
    for generation in range(1, 13):
        publish(tmp_path, made(generation))
    assert sorted(int(each.stem) for each in tmp_path.glob("*.json")) == [8, 9, 10, 11, 12]
    assert present_generation(tmp_path) == 12


def test_equal_content_is_equal_whatever_generation_time_and_number_form() -> None:
    other = made(9, published_at=77, revisions=[Revision(
        id="r1", service="loans", version=1, model="ab", threshold=0.5, below="review",
        inputs=[Field(name="income", type="number", minimum=0.0)])])
    assert content_of(made(1)) == content_of(other)
    assert content_of(made(1)) == content_of(msgspec.json.decode(msgspec.json.encode(other), type=Snapshot))


@pytest.mark.parametrize("change", [
    {"hosts": []}, {"tokens": []}, {"metrics_public": True},
    {"routes": [Route(service="loans", team="lending", champion="r1", share=0.1)]},
    {"routes": [Route(service="loans", team="lending", champion="r1", mode="buffered")]}])
def test_other_content_is_other(change: dict[str, Any]) -> None:
    assert content_of(made(1)) != content_of(made(1, **change))
