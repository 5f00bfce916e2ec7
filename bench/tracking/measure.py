"""How the rows are measured: the servers take turns, and who begins changes from round to round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from itertools import chain

from bench.tracking.client import WrongAnswer
from bench.tracking.report import Line
from bench.tracking.rows import Row, Step
from bench.tracking.servers import Server


def turns(servers: Sequence[Server], rounds: int) -> list[tuple[int, Server]]:
    """Return who is measured when; round 0 warms up."""
    return [(turn, server) for turn in range(rounds + 1) for server in servers[::1 if turn % 2 else -1]]


def measure(row: Row, servers: Sequence[Server], rounds: int, calls: int) -> list[Line]:
    """Measure one row call by call: the median of each round, and of these the median."""
    clients = {server.name: server.client() for server in servers}
    steps: dict[str, Step] = {}
    taken: dict[str, list[list[float]]] = {server.name: [] for server in servers}
    failures: dict[str, str] = {}

    def one_turn(turn: int, name: str) -> None:
        clients[name].reconnect()
        if name not in steps:
            steps[name] = row.prepare(clients[name])
            clients[name].reconnect()
        # The first call on a new connection does not count, nor does round 0.
        first = turn * 1000
        spent = [steps[name](first + call) for call in range(1 + (min(3, calls) if turn == 0 else calls))][1:]
        if turn > 0:
            taken[name].append(spent)

    for turn, server in turns(servers, rounds):
        if server.name not in failures:
            try:
                one_turn(turn, server.name)
            except (WrongAnswer, OSError, KeyError, ValueError) as error:
                failures[server.name] = f"{type(error).__name__}: {error}"
    for client in clients.values():
        client.close()
    return _lines(row, {name: [] if name in failures else spent for name, spent in taken.items()}, failures)


def _lines(row: Row, taken: dict[str, list[list[float]]], failures: dict[str, str]) -> list[Line]:
    def figure(of: Callable[[list[list[float]]], float]) -> dict[str, float | None]:
        return {name: of(spent) if spent else None for name, spent in taken.items()}

    if row.per_second:
        rate = figure(lambda spent: statistics.median(len(one) / sum(one) for one in spent))
        return [Line(row.title, "/s", row.goal, rate, more_is_better=True, failures=failures)]
    middle = figure(lambda spent: statistics.median(statistics.median(one) for one in spent) * 1000)
    lines = [Line(row.title, "ms p50", row.goal, middle, failures=failures)]
    if row.with_p99:
        lines.append(Line(row.title, "ms p99", None, figure(lambda spent: p99([*chain(*spent)]) * 1000)))
    return lines


def p99(times: list[float]) -> float:
    """Return the slowest hundredth; the slowest of all where there are fewer than a hundred."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def alternating(title: str, unit: str, goal: float, servers: Sequence[Server], rounds: int,
                one: Callable[[Server], float], *, more_is_better: bool = False) -> Line:
    """Measure one figure of a whole server, such as its rate under many clients, in interleaved rounds."""
    taken: dict[str, list[float]] = {server.name: [] for server in servers}
    failures: dict[str, str] = {}
    for turn, server in turns(servers, rounds):
        if turn > 0 and server.name not in failures:
            try:
                taken[server.name].append(one(server))
            except (WrongAnswer, OSError, KeyError, ValueError) as error:
                failures[server.name] = f"{type(error).__name__}: {error}"
    figures = {name: None if name in failures or not found else statistics.median(found)
               for name, found in taken.items()}
    return Line(title, unit, goal, figures, more_is_better=more_is_better, failures=failures)
