"""A small load generator: raw keep-alive connections on loopback, one request at a time on each.

It runs in a process of its own and counts only whole answers with status 200; any other ends it with an error.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Load:
    """What came of one cell: requests per second, milliseconds of the median and of the slowest hundredth."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


async def _connection(port: int, request: bytes, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(head.decode(errors="replace"))
        low = head.lower()
        length = int(low.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - started)
    writer.close()


async def _run(port: int, request: bytes, connections: int, seconds: float) -> dict[str, Any]:
    times: list[float] = []
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, request, started + seconds, times) for _ in range(connections)))
    spent = time.perf_counter() - started
    times.sort()
    return {"requests": len(times), "per_second": len(times) / spent, "p50_ms": times[len(times) // 2] * 1000,
            "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000}


def drive(port: int, path: str, body: bytes, headers: dict[str, str], connections: int, seconds: float) -> Load:
    """Load one address from another process and return what came of it."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    told = json.dumps({"port": port, "request": request.decode("latin-1"), "connections": connections,
                       "seconds": seconds})
    done = subprocess.run([sys.executable, "-m", "bench.load"], input=told, capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


def main() -> None:
    """Read one cell from standard input, run it, write what came of it."""
    import uvloop

    cell = json.load(sys.stdin)
    found = uvloop.run(_run(cell["port"], cell["request"].encode("latin-1"), cell["connections"], cell["seconds"]))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
