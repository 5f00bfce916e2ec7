"""Objects are named by their content; what goes wrong leaves nothing behind."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stellwerk.infra.objects import ObjectStore
from stellwerk.kernel.errors import BadInput, NotFound, Unavailable


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_read(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    digest = store.put_bytes(b"model")
    assert digest == hashlib.sha256(b"model").hexdigest()
    assert store.has(digest)
    assert store.read(digest) == b"model"
    assert store.put_bytes(b"model") == digest
    assert len(leftovers(store.folder)) == 1


def test_a_file_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "model.onnx"
    source.write_bytes(b"x" * 3_000_000)
    store = ObjectStore(tmp_path / "objects")
    assert store.path(store.put_file(source)).stat().st_size == 3_000_000


@pytest.mark.parametrize("name", ["", "..", "a" * 63, "A" * 64, "../" + "a" * 61, "a" * 64 + "\n", "a" * 65])
def test_a_name_that_is_no_digest_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput):
        ObjectStore(tmp_path).path(name)


def test_a_missing_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        ObjectStore(tmp_path).read("0" * 64)


def test_bytes_under_a_wrong_name_are_not_kept(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    with pytest.raises(BadInput, match="digest"):
        store.put_chunks([b"other"], expected="0" * 64)
    assert leftovers(store.folder) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_leaves_nothing_and_says_the_way_out(tmp_path: Path, code: int) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise OSError(code, os.strerror(code))

    store = ObjectStore(tmp_path / "objects")
    with pytest.raises(Unavailable) as caught:
        store.put_chunks(chunks())
    assert "Free space" in str(caught.value.hint)
    assert leftovers(store.folder) == []


def test_bytes_that_come_piece_by_piece_become_an_object(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    incoming = store.incoming()
    for _ in range(5):
        incoming.write(b"piece")
    assert incoming.size == 25

    digest = store.keep(incoming)
    incoming.discard()

    assert store.read(digest) == b"piece" * 5
    assert len(leftovers(store.folder)) == 1


def test_a_sweep_takes_what_a_killed_writer_left_and_nothing_else(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path / "objects")
    kept = store.put_bytes(b"kept")
    code = ("import os, pathlib, sys; from stellwerk.infra.objects import ObjectStore; "
            "ObjectStore(pathlib.Path(sys.argv[1])).incoming().write(b'half' * 9999); os._exit(9)")
    subprocess.run([sys.executable, "-c", code, str(store.folder)], check=False)
    alive = store.incoming()
    alive.write(b"still coming")
    assert len(leftovers(store.folder)) == 3

    assert store.sweep() == 1

    assert store.keep(alive) == hashlib.sha256(b"still coming").hexdigest()
    assert store.has(kept)
    assert store.sweep() == 0
