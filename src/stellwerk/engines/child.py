"""Running one task of a service's own functions in a child process that cannot hurt the platform.

The child is the service's own interpreter with ``stellwerk_runner``. It has an empty environment, no secrets, no
view of the home folder and no network where bubblewrap works, limits on time and memory, and dies with its parent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from stellwerk.engines import process_tree, sandbox

_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.25
_LOG_LINES = 2000
_LOG_TAIL = 200
_LINE_CHARACTERS = 4000
_RESULT_BYTES = 16 << 20


@dataclass(frozen=True)
class Limits:
    """What a task may take. ``idle_seconds``: neither CPU time nor output for so long counts as a hang."""

    wall_seconds: float = 3600
    idle_seconds: float = 300
    memory_mb: int = 4096
    cpu_seconds: int = 7200
    file_mb: int = 4096
    threads: int = 1

    def for_kernel(self) -> dict[str, int]:
        """Return the limits that the child sets on itself; address space is generous, as Arrow maps files."""
        return {"address_space_mb": self.memory_mb * 2 + 16384, "cpu_seconds": self.cpu_seconds,
                "file_mb": self.file_mb}


@dataclass
class _Watched:
    process: subprocess.Popen[bytes]
    limits: Limits
    started: float = field(default_factory=time.monotonic)
    active: float = field(default_factory=time.monotonic)
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    tail: list[str] = field(default_factory=list)
    lines: int = 0
    log_lock: threading.Lock = field(default_factory=threading.Lock)
    error: dict[str, Any] | None = None

    def stop(self, kind: str, message: str, hint: str) -> None:
        """Keep why the child had to end, and kill it with all that it started."""
        self.error = _error(kind, message, hint)
        kill_group(self.process)


def run_child(
    python: Path,
    task_dir: Path,
    task: Mapping[str, Any],
    limits: Limits,
    on_event: Callable[[dict[str, Any]], None],
    on_log: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Run ``task`` with the interpreter ``python`` in a fresh folder below ``task_dir`` and return its result.

    The result is the runner's result.json and ``out`` (the folder with its files, all of them plain files),
    ``log_tail``, ``peak_memory_mb`` and ``network`` (``forbidden`` or ``open``). When it failed it has ``error``
    with ``kind``, ``message``, ``traceback``, ``hint``; beside the runner's own kinds these are ``killed_timeout``,
    ``killed_memory``, ``hang``, ``crashed``, ``cancelled`` and ``bad_output``. ``on_event`` gets progress events,
    ``on_log`` what the functions printed (at most 2,000 lines), both in the calling thread.
    """
    attempt = _fresh_attempt(task_dir)
    readable = [Path(task[name]) for name in ("bundle", "data", "model_folder") if task.get(name)]
    box = sandbox.find(python)
    described = {**task, "limits": limits.for_kernel(), "parent": None if box else os.getpid()}
    (attempt / "task.json").write_text(json.dumps(described, allow_nan=False), encoding="utf-8")
    argv = [str(python), "-u", "-m", "stellwerk_runner", str(attempt)]
    if box:
        argv = sandbox.wrap(box, argv, python, readable=[runner_package(), *readable], writable=attempt)
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env=environment(attempt, limits.threads), cwd=attempt, start_new_session=True)
    watched = _Watched(process, limits)
    try:
        _watch(watched, attempt / "out" / "events.jsonl", on_event, on_log, cancelled)
    finally:
        kill_group(process)
        process.wait()
    result = _collect(watched, attempt / "out")
    result["out"] = str(attempt / "out")
    result["log_tail"] = "\n".join(watched.tail)
    result["peak_memory_mb"] = round(max(watched.peak_mb, float(result.get("peak_memory_mb") or 0)), 1)
    result.setdefault("network", "forbidden" if box else "open")
    return result


def runner_package() -> Path:
    """Return the folder of the package ``stellwerk_runner``."""
    import stellwerk_runner

    return Path(stellwerk_runner.__file__).resolve().parent


def environment(attempt: Path, threads: int) -> dict[str, str]:
    """Return the whole environment of a child: nothing of the parent's, fixed thread counts and hash seed."""
    few = str(threads)
    return {
        "PATH": "/usr/bin:/bin", "HOME": str(attempt), "TMPDIR": str(attempt), "LANG": "C.UTF-8", "TZ": "UTC",
        "PYTHONPATH": str(attempt / "runner"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1", "OPENBLAS_NUM_THREADS": few, "OMP_NUM_THREADS": few, "MKL_NUM_THREADS": few,
        "POLARS_MAX_THREADS": few, "MPLBACKEND": "Agg",
    }


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and every process of its group; nothing happens when they are gone."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _fresh_attempt(task_dir: Path) -> Path:
    task_dir.mkdir(parents=True, exist_ok=True)
    for old in task_dir.glob("attempt-*"):
        shutil.rmtree(old, ignore_errors=True)
    attempt = task_dir.resolve() / f"attempt-{uuid.uuid4().hex[:12]}"
    (attempt / "out").mkdir(parents=True)
    # A link, so that the child sees the runner and not what else is installed beside it.
    (attempt / "runner").mkdir()
    (attempt / "runner" / "stellwerk_runner").symlink_to(runner_package())
    return attempt


def _error(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"kind": kind, "message": message, "traceback": "", "hint": hint, "details": {}}


def _watch(watched: _Watched, events: Path, on_event: Callable[[dict[str, Any]], None],
           on_log: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
    """Follow a child until it ends: forward events and lines, look after limits and the wish to cancel."""
    pending: list[str] = []
    assert watched.process.stdout is not None
    reader = threading.Thread(target=_read_log, args=(watched.process.stdout, watched, pending), daemon=True)
    reader.start()
    place, looked, ended = 0, 0.0, False
    while True:
        if ended:
            # A process that outlived its group could hold the pipe open; nobody waits for it.
            reader.join(timeout=2)
        place = _forward(watched, events, place, pending, on_event, on_log)
        if ended:
            return
        if watched.error is None:
            if cancelled():
                watched.stop("cancelled", "The task was stopped on request.", "Start it again when it is wanted.")
            elif time.monotonic() - looked >= _WATCH_SECONDS:
                looked = time.monotonic()
                _look_after(watched)
        try:
            watched.process.wait(timeout=_POLL_SECONDS)
            kill_group(watched.process)
            ended = True
        except subprocess.TimeoutExpired:
            continue


def _read_log(stream: IO[bytes], watched: _Watched, pending: list[str]) -> None:
    while raw := stream.readline(_LINE_CHARACTERS):
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        with watched.log_lock:
            watched.lines += 1
            watched.tail.append(line)
            del watched.tail[:-_LOG_TAIL]
            if watched.lines <= _LOG_LINES:
                pending.append(line)
            elif watched.lines == _LOG_LINES + 1:
                pending.append(f"more than {_LOG_LINES} lines; the rest is left out here, the last lines are kept")


def _forward(watched: _Watched, events: Path, place: int, pending: list[str],
             on_event: Callable[[dict[str, Any]], None], on_log: Callable[[str], None]) -> int:
    with watched.log_lock:
        lines = pending[:]
        pending.clear()
    new, place = _read_events(events, place)
    if lines or new:
        watched.active = time.monotonic()
    for line in lines:
        on_log(line)
    for event in new:
        on_event(event)
    return place


def _read_events(path: Path, place: int) -> tuple[list[dict[str, Any]], int]:
    try:
        with path.open("rb") as stream:
            stream.seek(place)
            fresh = stream.read(1 << 20)
    except FileNotFoundError:
        return [], place
    complete = fresh[: fresh.rfind(b"\n") + 1]
    found = []
    for line in complete.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("message"), str):
            found.append(event)
    return found, place + len(complete)


def _look_after(watched: _Watched) -> None:
    now, limits = time.monotonic(), watched.limits
    use = process_tree.use_of_session(watched.process.pid)
    if use.cpu_seconds > watched.cpu_seconds + 0.01:
        watched.cpu_seconds, watched.active = use.cpu_seconds, now
    watched.peak_mb = max(watched.peak_mb, use.memory_mb)
    if use.memory_mb > limits.memory_mb:
        watched.stop("killed_memory", f"The task took {use.memory_mb:.0f} MiB of memory; it may take "
                     f"{limits.memory_mb}.", "Use fewer rows or smaller columns, or raise the limit.")
    elif now - watched.started > limits.wall_seconds:
        watched.stop("killed_timeout", f"The task ran longer than {limits.wall_seconds:g} s.",
                     "Make the function faster, or raise the limit.")
    elif now - watched.active > limits.idle_seconds:
        watched.stop("hang", f"The task did nothing for {limits.idle_seconds:g} s: no computing, no output.",
                     "Look for a wait that never ends: a lock, a prompt, a network call (there is no network).")


def _collect(watched: _Watched, out: Path) -> dict[str, Any]:
    if watched.error is not None:
        return {"error": watched.error}
    odd = [path.name for path in out.iterdir()
           if path.is_symlink() or not path.is_file() or path.stat().st_nlink != 1]
    if odd:
        return {"error": _error("bad_output", f"The task left something else than plain files: {', '.join(odd)}.",
                                "A service's functions return values; they write nothing into the task's folder.")}
    path = out / "result.json"
    try:
        if path.stat().st_size > _RESULT_BYTES:
            raise ValueError("too long")
        result = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {"error": _crash(watched.process.returncode)}
    if not isinstance(result, dict):
        return {"error": _crash(watched.process.returncode)}
    return result


def _crash(code: int) -> dict[str, Any]:
    """Return the error of a child that ended without a result; a sandbox reports a signal as 128 + its number."""
    number = -code if code < 0 else code - 128 if code > 128 else 0
    try:
        name = signal.Signals(number).name if number else ""
    except ValueError:
        name = f"signal {number}"
    if name == "SIGXCPU":
        return _error("killed_timeout", "The task used more CPU time than it may.",
                      "Make the function faster, or raise the limit.")
    if not name:
        return _error("crashed", f"The task's process ended with code {code} and no result.",
                      "The last lines of its output say more.")
    hint = ("The kernel kills a process so when memory runs out; use fewer rows." if name == "SIGKILL" else
            "A library crashed below Python; try another version of it in the service's requirements.")
    return {**_error("crashed", f"The task's process was ended by {name}.", hint), "details": {"signal": name}}
