"""Which commit a folder stands at, asked of git; a folder without repository has none."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict


class Commit(TypedDict):
    """A commit: its id, whether files of the folder differ from it, and where its repository comes from."""

    id: str
    dirty: bool
    remote: str | None


def _git(folder: Path, *arguments: str) -> str | None:
    import subprocess

    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10,
                              check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def without_secrets(remote: str) -> str:
    """Return the address of a repository without user, password and query."""
    from urllib.parse import urlsplit

    parts = urlsplit(remote)
    if not parts.scheme or not parts.hostname:
        return remote.split("?")[0]
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def commit_of(folder: Path) -> Commit | None:
    """Return the commit of the repository that holds the folder, or None without git, repository or commit."""
    found = _git(folder, "rev-parse", "HEAD")
    if found is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--", ".")
    remote = _git(folder, "remote", "get-url", "origin")
    return Commit(id=found, dirty=changes is None or changes != "", remote=without_secrets(remote) if remote else None)
