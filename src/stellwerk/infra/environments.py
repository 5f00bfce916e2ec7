"""Locked Python environments in which services' own functions run: one per lock file, shared by its hash.

``python -m stellwerk.infra.environments prepare LOCK…`` makes them ahead, so that nothing needs the network later.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stellwerk.kernel.errors import BadInput, Unavailable

_LOCK_BYTES = 4 << 20
_USED_IN_TRAINING = ("polars", "skl2onnx.common.data_types", "sklearn.compose", "sklearn.ensemble", "sklearn.impute",
                     "sklearn.linear_model", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.tree")


@dataclass(frozen=True)
class Environment:
    """A ready environment: the hash of its lock file and its interpreter."""

    lock_hash: str
    python: Path


def lock_hash(lock: bytes) -> str:
    """Return the SHA-256 of the lines of a lock file that matter: no comments, no blank lines."""
    lines = [line.strip() for line in lock.decode("utf-8").splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()


def _folder(root: Path, digest: str) -> Path:
    return root / digest[:16]


def find_environment(root: Path, digest: str) -> Environment | None:
    """Return the environment of a lock hash when it is ready."""
    folder = _folder(root, digest)
    if not (folder / "ready.json").is_file():
        return None
    return Environment(lock_hash=digest, python=folder / "bin" / "python")


@contextlib.contextmanager
def _alone(root: Path, digest: str) -> Iterator[None]:
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{digest[:16]}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise Unavailable("uv is not installed beside this Python, so no environment can be made.",
                          hint="Install Stellwerk with its locked requirements; they contain uv.")
    return found


def prepare_environment(root: Path, lock: bytes, *, on_line: Callable[[str], None] = lambda line: None) -> Environment:
    """Return the environment of a lock file, making it first where it is missing.

    Every package must stand in the lock with its hash. Raises BadInput for a lock that is not one and
    Unavailable when packages can be reached neither in the cache nor in the index; nothing half-made stays.
    """
    if len(lock) > _LOCK_BYTES or b"--hash=sha256:" not in lock:
        raise BadInput("The environment's lock file carries no hashes.", field="environment",
                       allowed="a requirements file made by: uv pip compile --generate-hashes requirements.in",
                       hint="Compile it with hashes, then ship again.")
    digest = lock_hash(lock)
    ready = find_environment(root, digest)
    if ready is not None:
        return ready
    with _alone(root, digest):
        ready = find_environment(root, digest)
        if ready is not None:
            return ready
        folder = _folder(root, digest)
        shutil.rmtree(folder, ignore_errors=True)
        on_line(f"making the environment {digest[:16]}")
        _run([_uv(), "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)])
        requirements = folder / "requirements.lock"
        requirements.write_bytes(lock)
        try:
            _run([_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--python",
                  str(folder / "bin" / "python"), "-r", str(requirements)])
            _warm(folder / "bin" / "python", lock)
        except Unavailable:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        stamp = folder / "ready.json.part"
        stamp.write_text(json.dumps({"lock": digest, "python": sys.version.split()[0]}), encoding="utf-8")
        os.replace(stamp, folder / "ready.json")
    return Environment(lock_hash=digest, python=folder / "bin" / "python")


def _warm(python: Path, lock: bytes) -> None:
    # A child never writes bytecode, so what training imports is compiled now; compiling all would double the size.
    names = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", lock.decode("utf-8"), re.MULTILINE)
    modules = [*(name.replace("-", "_") for name in names), *_USED_IN_TRAINING]
    script = ("import importlib, sys\nfor name in sys.argv[1:]:\n    try:\n        importlib.import_module(name)\n"
              "    except ImportError:\n        pass\n")
    _run([str(python), "-c", script, *modules])


def _run(command: list[str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**inherited, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"})
    if done.returncode != 0:
        raise Unavailable("The environment of this service could not be made.", field="environment",
                          details=done.stderr.strip()[-2000:], retry_after=60,
                          hint="Its packages must be in the package index or in uv's cache; see details.")


def default_lock() -> bytes:
    """Return the lock of the environment for services that name none of their own."""
    beside = Path(__file__).with_name("training.lock")
    source = Path(__file__).resolve().parents[3] / "requirements" / "training.txt"
    return (beside if beside.exists() else source).read_bytes()


def main() -> int:
    """Make the environments of the lock files named on the command line; ``default`` names the built-in one."""
    from stellwerk.infra.settings import Home, load_settings

    if len(sys.argv) < 3 or sys.argv[1] != "prepare":
        print("usage: python -m stellwerk.infra.environments prepare LOCK|default …", file=sys.stderr)
        return 2
    root = Path(load_settings(Home(Path(os.environ.get("STELLWERK_HOME", "."))) ).environments)
    for name in sys.argv[2:]:
        lock = default_lock() if name == "default" else Path(name).read_bytes()
        try:
            environment = prepare_environment(root, lock, on_line=print)
        except (BadInput, Unavailable) as error:
            print(json.dumps(error.body(), indent=2), file=sys.stderr)
            return 1
        print(f"ready: {environment.python}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
