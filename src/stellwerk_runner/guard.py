"""What holds a task in bounds: it dies with its parent, and the kernel limits what it may take."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
_MIB = 1 << 20


def die_with_parent(parent: int | None) -> None:
    """Ask the kernel to kill this process when its parent dies.

    ``parent`` is the process id that started this one; when it is gone already, exit at once. None leaves that
    check out (inside a sandbox the parent has another number). Does nothing where the kernel is not Linux.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    # The parent may have died between the start of this process and the call above.
    if parent is not None and os.getppid() != parent:
        os._exit(3)


def set_limits(limits: dict[str, Any]) -> None:
    """Set address space and file size (MiB) and CPU time (seconds); absent ones stay as they are."""
    wanted = {
        resource.RLIMIT_AS: (limits.get("address_space_mb"), _MIB),
        resource.RLIMIT_FSIZE: (limits.get("file_mb"), _MIB),
        resource.RLIMIT_CPU: (limits.get("cpu_seconds"), 1),
        resource.RLIMIT_CORE: (0, 1),
    }
    for which, (amount, unit) in wanted.items():
        if amount is None:
            continue
        hard = resource.getrlimit(which)[1]
        value = int(amount) * unit
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        # Beyond the soft CPU limit comes SIGXCPU, which says why; beyond the hard one a bare SIGKILL.
        spare = 5 if which == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(which, (value, value + spare))


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process or of one of its ended children, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round(peak * unit / _MIB, 1)


def network() -> str:
    """Return ``forbidden`` when this process sees no network interface but loopback, else ``open``."""
    names = {name for _, name in socket.if_nameindex()}
    return "forbidden" if names <= {"lo"} else "open"
