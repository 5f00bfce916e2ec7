"""``python -m stellwerk.gateway --home HOME [--fd N | --host H --port P]``: run one gateway process."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from typing import IO

import uvicorn

from stellwerk.dataplane import snapshot as snapshots
from stellwerk.dataplane.decision_log.idempotency import Claims
from stellwerk.dataplane.decision_log.ids import SLOTS
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.dataplane.snapshot import Snapshot
from stellwerk.gateway.app import Gateway
from stellwerk.gateway.decide import Decider
from stellwerk.gateway.metrics import Metrics
from stellwerk.gateway.protocol import Protocol
from stellwerk.gateway.routing import build, with_access
from stellwerk.kernel import clock

_POLL_SECONDS = 0.2


def _log(level: str, message: str, **facts: object) -> None:
    line = {"at": clock.iso(clock.now()), "level": level, "process": "gateway", "message": message, **facts}
    print(json.dumps(line, ensure_ascii=True, default=str), file=sys.stderr, flush=True)  # noqa: T201 - the log


class _Lines(logging.Handler):
    """Writes what libraries log as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        fault = record.exc_info[1] if record.exc_info else None
        _log(record.levelname.lower(), record.getMessage().strip(), logger=record.name,
             **({"error": f"{type(fault).__name__}: {fault}"[:2000]} if fault else {}))


def _configure_logging() -> None:
    logging.basicConfig(handlers=[_Lines()], level=logging.WARNING, force=True)
    # Its warnings are about requests that are none; anyone on the network could fill the log with them.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def _take_slot(decisions: Path) -> tuple[int, IO[str]]:
    """Return the lowest writer slot that no other process holds, and the open lock that holds it."""
    decisions.mkdir(parents=True, exist_ok=True)
    for slot in range(SLOTS):
        lock = (decisions / f"{slot:04d}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return slot, lock
    raise SystemExit("every writer slot is taken by a running gateway")


class Updates:
    """Follows the published snapshots; the last good one stays in use."""

    def __init__(self, home: Path, gateway: Gateway, metrics: Metrics) -> None:
        self._reader = snapshots.Reader(home / "snapshots")
        self._objects = home / "objects"
        self._gateway = gateway
        self._metrics = metrics
        self._waiting: Snapshot | None = None
        self._problem: str | None = None

    def look(self) -> None:
        """Take up a newer snapshot once all its models are loaded and warm."""
        newer = self._reader.poll()
        if newer is not None:
            self._waiting, self._problem = newer, None
        if self._waiting is not None:
            self._take_up(self._waiting)
        problem = self._reader.problem or self._problem
        if problem and problem != self._gateway.problem:
            _log("error", problem)
        self._gateway.problem = problem

    def _take_up(self, snapshot: Snapshot) -> None:
        try:
            self._gateway.routing = build(snapshot, self._objects, self._gateway.routing)
        except OSError as error:
            # What cannot be read now may be readable at the next look.
            self._refuse(snapshot, error.strerror)
            return
        except ValueError as error:
            self._refuse(snapshot, error)
        else:
            self._problem = None
            self._metrics.generation = snapshot.generation
            _log("info", "routing changed", generation=snapshot.generation, services=len(snapshot.routes))
        self._waiting = None

    def _refuse(self, snapshot: Snapshot, reason: object) -> None:
        self._problem = f"snapshot {snapshot.generation} cannot be used: {reason}"
        if self._gateway.routing is not None:
            # A token that was revoked is refused at once, whatever is wrong with a model.
            self._gateway.routing = with_access(self._gateway.routing, snapshot)

    async def follow(self) -> None:
        """Look again five times a second, models loaded beside the requests that go on."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            await asyncio.to_thread(self.look)


async def _stop_when_broken(server: uvicorn.Server, writer: Writer, following: asyncio.Task[None]) -> None:
    """Stop a process that can keep no record or learns of no release any more; the supervisor starts another."""
    while writer.alive and not following.done():
        await asyncio.sleep(_POLL_SECONDS)
    _log("error", "the gateway ends: its records cannot be kept" if not writer.alive else
         f"the gateway ends: releases cannot be followed: {following.exception()!r}")
    server.should_exit = True


async def _serve(home: Path, fd: int | None, host: str, port: int) -> None:
    decisions = home / "decisions"
    slot, lock = _take_slot(decisions)
    writer = Writer(decisions, slot)
    claims = Claims(decisions / "idempotency.sqlite")
    metrics = Metrics()
    gateway = Gateway(Decider(writer, claims, Reader(decisions)), metrics)
    updates = Updates(home, gateway, metrics)
    updates.look()
    server = uvicorn.Server(uvicorn.Config(
        gateway, host=host, port=port, loop="uvloop", http=Protocol, lifespan="off", ws="none", log_config=None,
        access_log=False, server_header=False, date_header=True, proxy_headers=False, timeout_keep_alive=30,
        timeout_graceful_shutdown=10))
    # uvicorn raises the signal that stopped it once more when it is done; what follows here must still run.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    following = asyncio.create_task(updates.follow())
    watching = asyncio.create_task(_stop_when_broken(server, writer, following))
    _log("info", "gateway starts", slot=slot, pid=os.getpid())
    try:
        await server.serve(sockets=[socket.socket(fileno=fd)] if fd is not None else None)
    finally:
        broken = watching.done()
        watching.cancel()
        following.cancel()
        writer.close()
        claims.close()
        lock.close()
    if broken:
        raise SystemExit(1)


def main() -> None:
    """Run the gateway of a home until SIGTERM, then finish open requests."""
    parser = argparse.ArgumentParser(prog="stellwerk.gateway")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    chosen = parser.parse_args()
    import uvloop

    _configure_logging()
    uvloop.run(_serve(chosen.home, chosen.fd, chosen.host, chosen.port))


if __name__ == "__main__":
    main()
