"""Bubblewrap around a child: no network, own processes, only the named folders in sight."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PROBE_SECONDS = 20
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/sbin")
# Enough for the loader, user names and time zones; no host names, no certificates, no secrets.
_SETTINGS = ("/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/localtime", "/etc/alternatives",
             "/sys/devices/system/cpu")


@functools.lru_cache(maxsize=64)
def find(python: Path) -> str | None:
    """Return the path of a bubblewrap that can run ``python`` here, or None; tried once per interpreter.

    User namespaces are off in many containers; then children run without it and results say ``network: open``.
    """
    box = shutil.which("bwrap")
    if box is None:
        return None
    argv = wrap(box, [str(python), "-c", "pass"], python, readable=[], writable=None)
    try:
        done = subprocess.run(argv, capture_output=True, check=False, timeout=_PROBE_SECONDS, env={})
    except (OSError, subprocess.TimeoutExpired):
        return None
    return box if done.returncode == 0 else None


def interpreter_folders(python: Path) -> list[Path]:
    """Return the folders that an interpreter needs: its virtual environment and the installation below it."""
    base = python.resolve()
    return list(dict.fromkeys([python.absolute().parent.parent, base.parent.parent]))


def wrap(box: str, argv: Sequence[str], python: Path, *, readable: Sequence[Path],
         writable: Path | None) -> list[str]:
    """Return the command that runs ``argv`` in a sandbox where only ``writable`` can be changed.

    Paths keep their names inside. /tmp is empty but for named folders below it.
    """
    command = [box, "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent",
               "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 (empty, inside)
    for folder in _SYSTEM:
        if Path(folder).is_symlink():
            command += ["--symlink", str(Path(folder).readlink()), folder]
        elif Path(folder).exists():
            command += ["--ro-bind", folder, folder]
    for name in _SETTINGS:
        command += ["--ro-bind-try", name, name]
    shown = [folder for folder in interpreter_folders(python) if not folder.is_relative_to("/usr")]
    for path in [*shown, *(each.resolve() for each in readable)]:
        command += ["--ro-bind", str(path), str(path)]
    if writable is not None:
        command += ["--bind", str(writable), str(writable), "--chdir", str(writable)]
    return [*command, "--", *argv]
