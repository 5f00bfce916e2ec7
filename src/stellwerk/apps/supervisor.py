"""``stellwerk up``: binds the ports, starts server, worker and gateway, restarts what dies, stops all cleanly.

It stays resident, so it imports the standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from stellwerk.apps.children import Child, child_environment
from stellwerk.apps.health import NEVER, Probe
from stellwerk.apps.ports import EVERYWHERE, bind_port
from stellwerk.kernel.errors import Conflict, StellwerkError, Unavailable

PORT = 8470
GATEWAY_PORT = 8471
PROCESSES = {"server": "stellwerk.apps.server", "gateway": "stellwerk.gateway", "worker": "stellwerk.apps.worker"}
_GRACE_SECONDS = 20.0
_DEATHS_AT_START = 4
# The gateway first: it answers what it has taken, and nothing new comes in behind it.
_STOP_ORDER = ("gateway", "worker", "server")


@dataclass(frozen=True)
class Options:
    """What ``stellwerk up`` was asked for."""

    home: Path
    host: str
    port: int
    gateway_port: int
    as_json: bool


def _address(listener: socket.socket, host: str) -> tuple[str, int]:
    port = int(listener.getsockname()[1])
    return EVERYWHERE.get(host, host), port


def _url(address: tuple[str, int]) -> str:
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def hold_home(home: Path) -> Iterator[TextIO]:
    """Hold the lock of a home; raises Conflict naming who holds it already."""
    run = home / "run"
    run.mkdir(parents=True, exist_ok=True)
    # Inherited by no child, so the lock ends with this process however it ends.
    with (run / "up.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already_up(home, lock) from None
        lock.seek(0)
        lock.truncate()
        lock.write(json.dumps({"pid": os.getpid()}))
        lock.flush()
        yield lock


def _already_up(home: Path, lock: TextIO) -> Conflict:
    facts: dict[str, Any] = {}
    lock.seek(0)
    for text in (lock.read(), _read(home / "run" / "up.json")):
        with contextlib.suppress(ValueError):
            facts |= json.loads(text)
    where = f" at {facts['url']}" if "url" in facts else ""
    return Conflict(f"Stellwerk runs on {home} already: process {facts.get('pid', 'unknown')}{where}.", field="home",
                    value=str(home), hint=f"Use that one, stop it with: kill {facts.get('pid', 'PID')} — or give "
                                          "another --home.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def prepare(home: Path) -> dict[str, Any]:
    """Bring the home to this release in a process of its own; returns what it said. Raises StellwerkError."""
    done = subprocess.run([sys.executable, "-m", "stellwerk.apps.prepare", str(home)], capture_output=True, text=True,
                          check=False)
    lines = done.stdout.strip().splitlines()
    said: dict[str, Any] = {}
    with contextlib.suppress(ValueError, IndexError):
        said = json.loads(lines[-1])
    if done.returncode != 0:
        parts = {name: said.get(name) for name in ("field", "value", "allowed", "hint", "details")}
        parts["details"] = parts["details"] or (None if said else done.stderr.strip()[-2000:])
        raise Conflict(said.get("message", f"The home {home} could not be prepared."), **parts)
    return said


class Supervisor:
    """The running processes of one home."""

    def __init__(self, options: Options, listeners: dict[str, socket.socket]) -> None:
        self._options = options
        self._listeners = listeners
        self._selector = selectors.DefaultSelector()
        self._environment = child_environment(options.host)
        self._stops = 0
        self._addresses = {name: _address(listener, options.host) for name, listener in listeners.items()}
        self._probes = {name: Probe(address) for name, address in self._addresses.items()}
        self._children = {child.name: child for child in self._make_children()}
        self._wakeup = self._watch_signals()

    def _make_children(self) -> Iterator[Child]:
        home = str(self._options.home)
        logs = self._options.home / "logs"
        logs.mkdir(exist_ok=True)
        for name, module in PROCESSES.items():
            listener = self._listeners.get(name)
            yield Child(name, [module, "--home", home], logs, descriptor=listener.fileno() if listener else None)

    def _watch_signals(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self._theirs = theirs
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self._selector.register(ours, selectors.EVENT_READ, self._drain_wakeup)
        return ours

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self._stops += 1

    def _drain_wakeup(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wakeup.recv(4096)

    @property
    def urls(self) -> dict[str, str]:
        """The addresses of server and gateway."""
        return {name: _url(address) for name, address in self._addresses.items()}

    def _start(self, child: Child) -> None:
        child.start(self._environment)
        self._selector.register(child.pipe, selectors.EVENT_READ, lambda: self._read_child(child))

    def _read_child(self, child: Child) -> None:
        if child.running and not child.read():
            self._selector.unregister(child.pipe)

    def _reap(self, child: Child) -> int | None:
        if not child.running:
            return None
        pipe = child.pipe
        code = child.ended()
        if code is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(pipe)
        return code

    def _turn(self, until: float) -> None:
        """Wait for output, a signal or a moment in time, and handle what came."""
        pause = None if until == NEVER else max(0.0, until - time.monotonic())
        for key, _ in self._selector.select(pause):
            key.data()

    def _watch_children(self) -> float:
        """Restart what has died and whose pause is over; returns when the next pause ends."""
        next_start = NEVER
        for child in self._children.values():
            code = self._reap(child)
            if code is not None:
                child.plan_restart(code)
            if not child.running:
                if child.start_at <= time.monotonic():
                    self._start(child)
                else:
                    next_start = min(next_start, child.start_at)
        return next_start

    def start(self) -> bool:
        """Start all and wait until server and gateway answer; returns False when asked to stop meanwhile.

        Raises Unavailable when a process keeps dying.
        """
        while not self._stops:
            restart_at = self._watch_children()
            for child in self._children.values():
                if child.deaths >= _DEATHS_AT_START:
                    raise Unavailable(f"The {child.name} does not start: {child.log.last[:500]}", field=child.name,
                                      hint=f"Its log says more: {child.log_path}")
            for probe in self._probes.values():
                if probe.ask_at <= time.monotonic():
                    self._ask(probe)
            if all(probe.healthy for probe in self._probes.values()):
                return True
            self._turn(min(restart_at, *(probe.ask_at for probe in self._probes.values())))
        return False

    def _ask(self, probe: Probe) -> None:
        asking = probe.ask()
        if asking is None:
            return

        def take() -> None:
            self._selector.unregister(asking)
            probe.take()

        self._selector.register(asking, selectors.EVENT_READ, take)

    def watch(self) -> None:
        """Restart what dies until asked to stop."""
        while not self._stops:
            self._turn(self._watch_children())

    def stop(self) -> None:
        """Stop gateway, worker and server one after the other; a further signal kills what is left at once."""
        for probe in self._probes.values():
            probe.close()
        stops = self._stops
        for name in _STOP_ORDER:
            child = self._children[name]
            if name in self._listeners:
                self._listeners[name].close()
            child.signal(signal.SIGTERM)
            deadline = time.monotonic() + _GRACE_SECONDS
            while self._alive(child) and time.monotonic() < deadline and self._stops == stops:
                self._turn(deadline)
            child.signal(signal.SIGKILL)
            while self._alive(child):
                self._turn(NEVER)
            child.log.close()

    def _alive(self, child: Child) -> bool:
        return child.running and self._reap(child) is None


def _write_up_file(home: Path, facts: dict[str, Any]) -> Path:
    target = home / "run" / "up.json"
    part = target.with_suffix(".part")
    part.write_text(json.dumps(facts), encoding="utf-8")
    part.replace(target)
    return target


def _announce(options: Options, facts: dict[str, Any], link: str | None, seconds: float) -> None:
    if options.as_json:
        print(json.dumps({**facts, "home": str(options.home), "link": link, "seconds": round(seconds, 2)}), flush=True)
        return
    lines = [f"Stellwerk is ready ({seconds:.1f} s)", f"  pages and API  {facts['url']}",
             f"  gateway        {facts['gateway_url']}", f"  tracking       export MLFLOW_TRACKING_URI={facts['url']}",
             f"  home           {options.home}"]
    if link:
        lines.append(f"  sign in once   {link}  (valid 15 minutes)")
    print("\n".join([*lines, "Ctrl-C stops it."]), flush=True)


def run(options: Options) -> None:
    """Run an installation until asked to stop. Raises StellwerkError when it cannot start."""
    began = time.monotonic()
    with hold_home(options.home), contextlib.ExitStack() as listening:
        listeners = {}
        for name, port, option in (("server", options.port, "--port"),
                                   ("gateway", options.gateway_port, "--gateway-port")):
            listeners[name] = listening.enter_context(bind_port(options.host, port, option))
        prepared = prepare(options.home)
        supervisor = Supervisor(options, listeners)
        try:
            if supervisor.start():
                urls = supervisor.urls
                facts = {"pid": os.getpid(), "url": urls["server"], "gateway_url": urls["gateway"]}
                secret = prepared.get("link")
                up_file = _write_up_file(options.home, facts)
                _announce(options, facts, f"{urls['server']}{secret}" if secret else None, time.monotonic() - began)
                supervisor.watch()
                up_file.unlink(missing_ok=True)
        finally:
            supervisor.stop()


def _fail(error: StellwerkError, as_json: bool) -> int:
    body = error.body()
    if as_json:
        print(json.dumps(body), flush=True)
        return 1
    lines = [f"error: {error.message}"]
    lines += [f"  {name:<8} {body[name]}" for name in ("field", "value", "allowed", "hint", "details") if name in body]
    print("\n".join(lines), file=sys.stderr)
    return 1


def main() -> int:
    """Run the installation that the arguments describe; returns the exit code."""
    parser = argparse.ArgumentParser(prog="stellwerk up")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=PORT, type=int)
    parser.add_argument("--gateway-port", default=GATEWAY_PORT, type=int)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = Options(**vars(parser.parse_args()))
    try:
        run(options)
    except StellwerkError as error:
        return _fail(error, options.as_json)
    except OSError as error:
        return _fail(Unavailable(f"{error.filename or options.home}: {error.strerror}"), options.as_json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
