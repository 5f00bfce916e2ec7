"""Taking in a stream: what is cut off, stopped or refused leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stellwerk.features.artifacts import receiving
from stellwerk.features.artifacts.receiving import TooSlow, receive
from stellwerk.infra.objects import Incoming, ObjectStore
from stellwerk.kernel.errors import BadInput

PIECE = b"x" * 700_000


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "objects")


def _files(store: ObjectStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


async def _pieces(count: int, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE
    if isinstance(then, TimeoutError):
        await asyncio.Event().wait()
    elif then is not None:
        raise then


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_a_stream_becomes_an_object(store: ObjectStore, count: int) -> None:
    digest = asyncio.run(receive(_pieces(count), store.incoming, store.keep))
    assert store.read(digest) == PIECE * count
    assert len(_files(store)) == 1


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("fault", [BadInput("cut off"), asyncio.CancelledError()])
def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore, count: int, fault: BaseException) -> None:
    with pytest.raises(type(fault)):
        asyncio.run(receive(_pieces(count, fault), store.incoming, store.keep))
    assert _files(store) == []


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_sender_that_falls_silent_is_given_up(store: ObjectStore, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "_IDLE_SECONDS", 0.05)
    with pytest.raises(TooSlow, match="nothing was stored"):
        asyncio.run(receive(_pieces(count, TimeoutError()), store.incoming, store.keep))
    assert _files(store) == []


@pytest.mark.parametrize("count", [1, 5])
def test_what_is_refused_at_the_end_leaves_nothing(store: ObjectStore, count: int) -> None:
    def refuse(incoming: Incoming) -> None:
        raise BadInput(f"{incoming.size} bytes are no good")

    with pytest.raises(BadInput, match="no good"):
        asyncio.run(receive(_pieces(count), store.incoming, refuse))
    assert _files(store) == []
