"""Binding the ports of an installation, and finding out who holds one that is taken."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from stellwerk.kernel.errors import BadInput, Conflict

_BACKLOG = 2048
_LISTENING = "0A"
_PROC = Path("/proc")
# An address that stands for all of the machine, and the one under which the machine finds itself.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def bind_port(host: str, port: int, option: str) -> socket.socket:
    """Bind and listen; a port of 0 takes a free one. ``option`` is what the user would change.

    Listening starts here, so that requests wait in the queue while a process is restarted.
    Raises Conflict naming the port and who holds it, BadInput for a host or port that cannot be bound.
    """
    if not 0 <= port <= 65535:
        raise BadInput(f"{port} is no port.", field=option, value=port, allowed="0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM,
                                                                flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise BadInput(f"The host {host!r} is not known: {error.strerror}", field="--host", value=host,
                       allowed="an address of this machine") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _refusal(error, host, port, option) from None
    return listener


def _refusal(error: OSError, host: str, port: int, option: str) -> BadInput | Conflict:
    if error.errno == errno.EADDRINUSE:
        holder = holder_of(port)
        return Conflict(f"The port {port} is taken" + (f" by {holder}." if holder else "."), field=option, value=port,
                        hint=f"Choose another one with {option} PORT (0 takes a free one), or end what holds it.")
    if error.errno == errno.EACCES:
        return BadInput(f"The port {port} may only be used by root.", field=option, value=port,
                        allowed="1024 to 65535")
    return BadInput(f"{host} port {port} cannot be used: {error.strerror}", field="--host", value=host,
                    allowed="an address of this machine")


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            parts = line.split()
            if parts[3] == _LISTENING and int(parts[1].rpartition(":")[2], 16) == port:
                found.add(parts[9])
    return found


def holder_of(port: int) -> str | None:
    """Return "pid 42 (command line)" of the process that listens on a port, or None when it cannot be seen."""
    wanted = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not wanted:
        return None
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            holds = any(str(entry.readlink()) in wanted for entry in (folder / "fd").iterdir())
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if holds:
            words = command.replace(b"\0", b" ").decode("utf-8", "replace").strip()
            return f"pid {folder.name} ({words[:80]})" if words else f"pid {folder.name}"
    return None
