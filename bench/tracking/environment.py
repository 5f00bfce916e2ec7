"""The peer's own environment, made from its lock: ``.tools/peers-<hash of the lock>``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "peers.txt"


def peer_environment() -> Path:
    """Return the folder of the peer's environment; makes it where it is missing."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".tools" / f"peers-{wanted}"
    if (folder / "bin" / "mlflow").exists():
        return folder
    print("making the peer's environment from requirements/peers.txt", file=sys.stderr)
    uv = _uv()
    # Made under another name first: a set-up that broke off must not pass for an environment.
    unfinished = folder.with_suffix(".part")
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    subprocess.run([uv, "venv", "--quiet", "--no-project", "--clear", "--relocatable", "--python", sys.executable,
                    str(unfinished)], check=True, env=environment)
    subprocess.run([uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode",
                    "--python", str(unfinished / "bin" / "python"), str(LOCK)], check=True, env=environment)
    unfinished.rename(folder)
    return folder


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        sys.exit("bench: uv is missing; make setup brings it")
    return found
