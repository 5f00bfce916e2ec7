"""The routing snapshot: all that the gateway needs to know, published whole by the control plane."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec

FORMAT = 1
_KEPT = 5


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One input or protected attribute: hard limits reject, what was seen in training only marks."""

    name: str
    type: Literal["number", "integer", "string", "boolean"]
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    enum: list[str | int | float] | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    seen_min: float | None = None
    seen_max: float | None = None
    seen_categories: list[str] | None = None
    unit: str | None = None
    description: str | None = None


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One revision as it answers: its model, its input fields, its rule."""

    id: str
    service: str
    version: int
    model: str
    inputs: list[Field]
    threshold: float
    below: Literal["review", "reject"]
    between: list[float] | None = None
    protected: list[Field] = []
    subject: str | None = None
    title: str = ""
    purpose: str = ""


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the requests of a service are split, and when their records are on disk."""

    service: str
    team: str
    champion: str
    mode: Literal["sync", "buffered"] = "sync"
    canary: str | None = None
    share: float = 0.0


class TokenEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A token: SHA-256, name, the team it is for (None: all), and whether it may ask for decisions, read metrics."""

    sha256: str
    id: str
    name: str
    team: str | None = None
    expires_at: int | None = None
    metrics: bool = False
    decide: bool = True


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole snapshot; ``generation`` grows by one with each."""

    format: int
    generation: int
    published_at: int
    routes: list[Route]
    revisions: list[Revision]
    tokens: list[TokenEntry]
    hosts: list[str]
    metrics_public: bool = False


def content_of(snapshot: Snapshot) -> bytes:
    """Return the bytes by which two snapshots are told apart: all but generation and time."""
    bare = msgspec.json.encode(msgspec.structs.replace(snapshot, generation=0, published_at=0))
    # Read back once, since a whole number in a field of floats is written in two ways.
    return msgspec.json.encode(msgspec.json.decode(bare, type=Snapshot))


def present_generation(folder: Path) -> int:
    """Return the generation that is published, 0 before the first."""
    try:
        return int((folder / "generation").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def publish(folder: Path, snapshot: Snapshot) -> None:
    """Publish a snapshot: its file is whole on disk before the generation names it."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / f"{snapshot.generation}.json", msgspec.json.encode(snapshot))
    _replace(folder / "generation", str(snapshot.generation).encode())
    for old in folder.glob("*.json"):
        if old.stem.isdigit() and int(old.stem) <= snapshot.generation - _KEPT:
            old.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class Reader:
    """Reads the newest snapshot; keeps the last good one when a newer one cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problem: str | None = None
        self.generation = 0

    def poll(self) -> Snapshot | None:
        """Return a snapshot newer than the last one returned, or None; ``problem`` says why one was refused."""
        generation: int | None = None
        try:
            generation = present_generation(self._folder)
            found = None if generation == self.generation else read(self._folder / f"{generation}.json")
        except (OSError, ValueError) as error:
            # The words of an operating system's error without its path: they are shown to everyone.
            words = error.strerror if isinstance(error, OSError) else error
            self.problem = f"snapshot {'' if generation is None else f'{generation} '}cannot be used: {words}"
            return None
        self.problem = None
        self.generation = generation
        return found


def read(file: Path) -> Snapshot:
    """Read one snapshot file; raises ValueError for a damaged one or a newer format."""
    data = file.read_bytes()
    probe: Any = msgspec.json.decode(data)
    if not isinstance(probe, dict) or probe.get("format") != FORMAT:
        raise ValueError("its format is not one that this release reads")
    return msgspec.json.decode(data, type=Snapshot)
