"""The installation that things are brought to, spoken to over REST; what breaks off is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stellwerk.client.http import ApiError, Client, Unreachable
from stellwerk.protocols.transfer import digests, wire

_PATH = "/api/v1/transfer"
_SECONDS = 1800.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0)
_AGAIN = frozenset({502, 503, 504})
_ENCODER = msgspec.json.Encoder()
# A request is sent once it is this long, so that none comes near the server's limit.
BATCH_BYTES = wire.BODY_BYTES // 4


class Target:
    """Everything that is asked of the installation; each call may be made again without harm."""

    def __init__(self, client: Client, note: Callable[[str], None]) -> None:
        self._client = client
        self._note = note
        self.address = client.server.address

    def post(self, path: str, body: Any) -> Any:
        """Send one request and return its answer; raises StellwerkError once trying again is of no use."""
        return self.post_bytes(path, _ENCODER.encode(body))

    def post_bytes(self, path: str, body: bytes) -> Any:
        """Send one request whose body is encoded already."""
        return self._again(lambda: self._client.server.json(
            "POST", _PATH + path, content=body, headers={"content-type": "application/json"}, timeout=_SECONDS))

    def _again(self, attempt: Callable[[], Any]) -> Any:
        for pause in _PAUSES:
            try:
                return attempt()
            except (Unreachable, ApiError) as error:
                if isinstance(error, ApiError) and error.status not in _AGAIN:
                    raise
                self._note(f"{error.message} Trying again.")
                time.sleep(pause)
        try:
            return attempt()
        except (Unreachable, ApiError) as error:
            error.hint = "Nothing is lost: the same command goes on where this one stopped."
            raise

    # Bringing

    def begin(self, source: str, kind: str, team: str | None) -> dict[str, Any]:
        """Begin a transfer, or return the one under way."""
        found: dict[str, Any] = self.post("/open", wire.Open(source=source, kind=kind, team=team))
        return found

    def known(self, kind: str, transfer: int, ids: Sequence[str]) -> dict[str, str]:
        """Return the states of things that are here: complete, arriving, or foreign."""
        found: dict[str, str] = self.post(f"/{kind}/known", wire.Ids(transfer=transfer, ids=list(ids)))["states"]
        return found

    def put_object(self, sha256: str, path: Path) -> None:
        """Bring the bytes of a file."""
        self._again(lambda: self._client.put_object(sha256, path))

    # Proving

    def digests(self, kind: str, transfer: int, ids: Sequence[str]) -> dict[str, Any]:
        """Return what is kept of things, by id."""
        answer: dict[str, Any] = self.post(f"/digests/{kind}", wire.Ids(transfer=transfer, ids=list(ids)))
        found: dict[str, Any] = next(iter(answer.values()))
        return found


def same(here: Any, there: digests.Digest) -> bool:
    """Tell whether a digest that came as JSON is that of the source."""
    return isinstance(here, list) and tuple(here) == there


def split_by_size(items: Sequence[Any], most: int = BATCH_BYTES) -> Iterable[list[Any]]:
    """Yield things in lists whose JSON stays below ``most`` bytes; one that is longer stands alone."""
    part: list[Any] = []
    size = 0
    for item in items:
        length = len(_ENCODER.encode(item))
        if part and size + length > most:
            yield part
            part, size = [], 0
        part.append(item)
        size += length
    if part:
        yield part
