"""What every source of things offers, whatever it is: a database, a server or an exported folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from stellwerk.protocols.transfer import wire

Row = tuple[str, int, int, float, int]
"""A point of a metric: key, timestamp, step, value, and 1 where the value is not a number."""


@dataclass(frozen=True)
class Totals:
    """How much there is; None where only reading it all would tell."""

    experiments: int
    runs: int
    points: int | None


class Owner(NamedTuple):
    """Whose artifacts are meant: a run or logged model, and where the source says that they are."""

    id: str
    is_model: bool
    location: str


class Found(NamedTuple):
    """An artifact at its source; the name is not checked yet, ``content`` gives a file to read it from."""

    path: str
    content: AbstractContextManager[Path]


@dataclass
class FoundRun:
    """A run and where its artifacts are."""

    run: wire.Run
    owner: Owner


@dataclass
class FoundModel:
    """A logged model and where its artifacts are."""

    model: wire.LoggedModel
    owner: Owner


@dataclass
class FoundRegistered:
    """A registered model, its versions and its aliases."""

    model: wire.RegisteredModel
    versions: list[wire.Version] = field(default_factory=list)
    aliases: list[tuple[str, int]] = field(default_factory=list)


class Source(Protocol):
    """Where things come from. Every method may raise StellwerkError; each reads anew what is there at that moment."""

    label: str
    kind: str

    def totals(self) -> Totals:
        """Return how much there is."""

    def experiments(self) -> list[wire.Experiment]:
        """Return all experiments."""

    def runs(self) -> Iterator[list[FoundRun]]:
        """Yield all runs in pages, without their points."""

    def count_points(self, run_ids: Sequence[str]) -> int | None:
        """Return how many points runs of one page have, or None where only reading them would tell."""

    def points(self, run: wire.Run) -> Iterator[Sequence[Row]]:
        """Yield the points of a run in pieces, in order of key, timestamp, step, value."""

    def logged_models(self) -> Iterator[list[FoundModel]]:
        """Yield all logged models in pages."""

    def registered_models(self) -> Iterator[FoundRegistered]:
        """Yield the registered models."""

    def artifacts(self, owner: Owner) -> Iterator[Found]:
        """Yield the artifacts of a run or logged model."""

    def left_out(self) -> list[str]:
        """Return in words what is there and is not brought."""

    def close(self) -> None:
        """Close what is open."""
