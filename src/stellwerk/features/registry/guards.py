"""Who is asked before an alias, a stage or a deletion changes what services deploy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from anyio import to_thread

from stellwerk.infra.tracking_database import Statements, TrackingDatabase
from stellwerk.kernel.actor import Actor


class AliasGuard(Protocol):
    """Refuses changes by raising a StellwerkError. Runs in a worker thread before the write, so it may read other
    databases; the caller is known to be allowed to make the change."""

    def before_create(self, model: str, actor: Actor) -> None:
        """Look at a model of which a version is about to be made; on the event loop, so it only looks up by key."""

    def before_alias(self, model: str, alias: str, version: int | None, actor: Actor) -> None:
        """Look at an alias that is about to point at a version; None means that the alias goes."""

    def before_stage(self, model: str, stage: str, version: int, actor: Actor) -> None:
        """Look at a version that is about to come into a stage."""

    def before_delete(self, model: str, version: int | None, actor: Actor) -> None:
        """Look at a version that is about to go; None means the whole model, or that its name goes to another."""


GUARDS: list[AliasGuard] = []


def register_guard(guard: AliasGuard) -> None:
    """Ask a guard before every such change; the same one twice is asked once."""
    if guard not in GUARDS:
        GUARDS.append(guard)


def check_create(model: str, actor: Actor) -> None:
    """Ask all guards about a new version; raises what the first of them raises."""
    for guard in GUARDS:
        guard.before_create(model, actor)


def check_alias(model: str, alias: str, version: int | None, actor: Actor) -> None:
    """Ask all guards about an alias; raises what the first of them raises."""
    for guard in GUARDS:
        guard.before_alias(model, alias, version, actor)


def check_stage(model: str, stage: str, version: int, actor: Actor) -> None:
    """Ask all guards about a stage; raises what the first of them raises."""
    for guard in GUARDS:
        guard.before_stage(model, stage, version, actor)


def check_delete(model: str, version: int | None, actor: Actor) -> None:
    """Ask all guards about a deletion; raises what the first of them raises."""
    for guard in GUARDS:
        guard.before_delete(model, version, actor)


async def ask(tracking: TrackingDatabase, look: Callable[[Statements], Any], check: Callable[[Any], None], *,
              at_once: bool = False) -> None:
    """Run ``look`` (which raises where the caller may not do this at all) and hand its result to ``check`` in a thread.

    ``at_once`` stays on the event loop, for calls whose thread would cost more than the check. Costs nothing where no
    guard is registered.
    """
    if not GUARDS:
        return
    seen = await tracking.look_up(look)
    if at_once:
        check(seen)
    else:
        await to_thread.run_sync(check, seen)
