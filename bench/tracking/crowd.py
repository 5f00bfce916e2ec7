"""Many clients at once, each logging points of one metric to a run of its own; a process apart from the servers.

``python -m bench.tracking.crowd`` reads what to do from standard input. An answer other than 2xx ends it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any, cast

from bench.tracking import data
from bench.tracking.client import Client, WrongAnswer, acknowledge_at_once, encode
from bench.tracking.environment import ROOT
from bench.tracking.rows import first_run, new_experiment, new_run

# Steps of one length: every request of a client differs in its step only, and its length is known before.
_FIRST = 1_000_000
# How long a server may take for its last answers.
PATIENCE = 120.0
TITLE = "16 clients logging metrics at once"


class _Logger(asyncio.Protocol):
    """One connection: a call, its whole answer, the next call, until the time is over."""

    def __init__(self, request: bytes, until: float, done: asyncio.Future[int]) -> None:
        self.before, self.after = request.split(b"@@@@@@@", 1)
        self.until, self.done = until, done
        self.made = 0
        self.answer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make the first call."""
        # The loop's own transports are not of this type by name.
        self.transport = cast(asyncio.Transport, transport)
        self._call()

    def _call(self) -> None:
        assert self.transport is not None
        self.transport.write(b"%b%d%b" % (self.before, _FIRST + self.made, self.after))
        acknowledge_at_once(self.transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Take the answer; with the last of it make the next call."""
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end:
            return
        low = head.lower()
        if len(body) < int(low.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]):
            return
        if head[8:10] != b" 2":
            self._end(WrongAnswer(self.answer[:600].decode(errors="replace")))
            return
        self.answer = b""
        self.made += 1
        if time.perf_counter() < self.until:
            self._call()
        else:
            self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail where the server ended the connection."""
        self._end(error or WrongAnswer("the server closed the connection"))

    def _end(self, error: Exception | None) -> None:
        if not self.done.done():
            if error is None:
                self.done.set_result(self.made)
            else:
                self.done.set_exception(error)
        if self.transport is not None:
            self.transport.close()


async def _run(port: int, requests: list[str], seconds: float) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ends: list[asyncio.Future[int]] = []
    for request in requests:
        ends.append(loop.create_future())
        end, raw = ends[-1], request.encode("latin-1")
        await loop.create_connection(lambda raw=raw, end=end: _Logger(raw, started + seconds, end),  # type: ignore[misc]
                                     "127.0.0.1", port)
    made = await asyncio.wait_for(asyncio.gather(*ends), seconds + PATIENCE)
    return {"made": made, "per_second": sum(made) / (time.perf_counter() - started)}


def drive(client: Client, clients: int, seconds: float) -> float:
    """Let so many clients log to one server; returns calls per second, once every point was found again."""
    experiment = new_experiment(client, "crowd")
    made = [new_run(client, first_run(), experiment)["run_id"] for _ in range(clients)]
    requests = []
    for run_id in made:
        body = {"run_id": run_id, "key": "loss", "value": 0.25, "timestamp": data.START_MS, "step": _FIRST}
        raw = encode("POST", "runs/log-metric", client.token, body).decode("latin-1")
        requests.append(raw.replace(f'"step":{_FIRST}', '"step":@@@@@@@'))
    told = json.dumps({"port": client.port, "requests": requests, "seconds": seconds})
    done = subprocess.run([sys.executable, "-m", "bench.tracking.crowd"], input=told, capture_output=True, text=True,
                          cwd=ROOT, check=False)
    if done.returncode != 0:
        raise WrongAnswer(done.stderr.strip()[-600:])
    found = json.loads(done.stdout)
    for run_id, count in zip(made, found["made"], strict=True):
        if _points(client, run_id) != count:
            raise WrongAnswer(f"run {run_id} does not hold the {count} points that were answered with 2xx")
    return float(found["per_second"])


def _points(client: Client, run_id: str) -> int:
    client.reconnect()
    count = 0
    more: dict[str, str] = {}
    while True:
        page = client.get("metrics/get-history", run_id=run_id, metric_key="loss", **more)
        count += len(page["metrics"])
        if not page.get("next_page_token"):
            return count
        more = {"page_token": page["next_page_token"]}


def main() -> None:
    """Read what to do from standard input, do it, write what came of it."""
    import uvloop

    told = json.load(sys.stdin)
    try:
        found = uvloop.run(_run(told["port"], told["requests"], told["seconds"]))
    except (WrongAnswer, TimeoutError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
