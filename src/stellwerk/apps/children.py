"""Child processes of the supervisor: started with an inherited socket, bound to its life, restarted when they die."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from stellwerk.apps.child_logs import ChildLog, to_terminal
from stellwerk.apps.ports import EVERYWHERE, LOOPBACK

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
_STEADY_SECONDS = 30.0


def _bind_to_parent(parent: int) -> None:
    # SIGKILL is sure, and safe: every process here survives kill -9 at any moment without loss.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def child_environment(host: str) -> dict[str, str]:
    """Return the environment of the children: ours without a user's token, with what keeps them small."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("STELLWERK_TOKEN", "STELLWERK_URL", "STELLWERK_GATEWAY_URL")}
    environment.setdefault("PYTHONUNBUFFERED", "1")
    # glibc gives every thread an arena of its own; two are enough and save tens of megabytes.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    if host not in LOOPBACK and host not in EVERYWHERE:
        environment.setdefault("STELLWERK_HOSTS", f"127.0.0.1,localhost,[::1],{host}")
    return environment


class Child:
    """One process: its command, its log, how often it died, when it may start again."""

    def __init__(self, name: str, arguments: list[str], logs: Path, *, descriptor: int | None = None) -> None:
        self.name = name
        self._arguments = [*arguments, "--fd", str(descriptor)] if descriptor is not None else arguments
        self._descriptors = () if descriptor is None else (descriptor,)
        self.log_path = logs / f"{name}.log"
        self.log = ChildLog(name, self.log_path)
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.start_at = 0.0
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE

    @property
    def running(self) -> bool:
        """Whether the process has been started and not been seen to end."""
        return self.process is not None

    @property
    def pipe(self) -> int:
        """The descriptor of its output."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def start(self, environment: dict[str, str]) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches the supervisor only."""
        parent = os.getpid()
        self._started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", *self._arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment, pass_fds=self._descriptors, start_new_session=True,
            preexec_fn=lambda: _bind_to_parent(parent))
        os.set_blocking(self.pipe, False)

    def read(self) -> bool:
        """Take what it has written; returns False at the end of its output."""
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return True
        if data:
            self.log.feed(data)
        return bool(data)

    def ended(self) -> int | None:
        """Return the exit code when the process has ended, and take the rest of its output; else None."""
        if self.process is None:
            return None
        code = self.process.poll()
        if code is None:
            return None
        self._read_rest()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def _read_rest(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.pipe, 65536):
                self.log.feed(data)

    def plan_restart(self, code: int) -> None:
        """Note the death, say so, and set when to start again: soon, then later each time it dies young."""
        self.log.flush()
        if time.monotonic() - self._started_at > _STEADY_SECONDS:
            self._pause = _FIRST_PAUSE
        self.deaths += 1
        self.start_at = time.monotonic() + self._pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        words = f" ({self.log.last[:200]})" if self.log.last and code > 0 else ""
        to_terminal(f"{self.name} {how}{words}; starting it again in {self._pause:.1f} s, log: {self.log_path}")
        self._pause = min(_LONGEST_PAUSE, self._pause * 2)

    def signal(self, number: int) -> None:
        """Send a signal to the process if it runs."""
        if self.process is not None:
            self.process.send_signal(number)
