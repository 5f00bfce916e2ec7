"""What a child and all that it started take, read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass

_STATE, _SESSION, _UTIME, _STIME, _RSS = 0, 3, 11, 12, 21  # places after the command name in /proc/PID/stat


@dataclass(frozen=True)
class Use:
    """Resident memory in MiB, CPU time in seconds and number of processes, summed."""

    memory_mb: float = 0.0
    cpu_seconds: float = 0.0
    processes: int = 0


def use_of_session(session: int) -> Use:
    """Return what the living processes of a session take together; nothing where there is no /proc.

    CPU time of processes that have ended is not in it. Pages shared by several processes count for each.
    """
    page, ticks = os.sysconf("SC_PAGE_SIZE") / 2**20, os.sysconf("SC_CLK_TCK")
    memory, cpu, count = 0.0, 0.0, 0
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return Use()
    for name in names:
        try:
            with open(f"/proc/{name}/stat", "rb") as stream:
                # The command name stands in brackets and may hold blanks and brackets itself.
                parts = stream.read().rpartition(b")")[2].split()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if len(parts) > _RSS and int(parts[_SESSION]) == session and parts[_STATE] != b"Z":
            memory += int(parts[_RSS]) * page
            cpu += (int(parts[_UTIME]) + int(parts[_STIME])) / ticks
            count += 1
    return Use(memory, cpu, count)
