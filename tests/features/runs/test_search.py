"""Searches of runs against a plain search in Python: same runs, same order, page by page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.apps.prepare import prepare_home
from stellwerk.features.runs import Point, create_run, log
from stellwerk.features.runs.repository.search import search
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel.actor import Actor
from stellwerk.protocols.mlflow.search import parse_run_filter, parse_run_order

ANN = Actor("person", "ann", "Ann", permissions=frozenset({(None, "runs.read"), (None, "runs.write")}))
METRICS, PARAMS, TAGS = ("auc", "loss"), ("model", "lr"), ("team", "note")
NUMBERS = st.one_of(st.sampled_from([0.0, 0.5, -1.0, 2.0, math.nan]), st.floats(-3, 3).map(lambda value: round(value, 1)))
TEXTS = st.sampled_from(["a", "A", "b", "", "%", "a_b", "a" * 150, "a" * 150 + "x", "ä"])
RUN = st.fixed_dictionaries({
    "metrics": st.dictionaries(st.sampled_from(METRICS), NUMBERS),
    "params": st.dictionaries(st.sampled_from(PARAMS), TEXTS),
    "tags": st.dictionaries(st.sampled_from(TAGS), TEXTS),
    "start": st.integers(0, 3)})
FILTER = st.one_of(
    st.tuples(st.just("metrics"), st.sampled_from((*METRICS, "nope")), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
              st.sampled_from([0.0, 0.5, -1.0])),
    st.tuples(st.sampled_from(["params", "tags"]), st.sampled_from((*PARAMS, *TAGS)), st.sampled_from(["=", "!=", "LIKE"]),
              TEXTS.filter(lambda value: "'" not in value)),
    st.tuples(st.just("params"), st.sampled_from((*PARAMS, "nope")), st.sampled_from(["IS NULL", "IS NOT NULL"]),
              st.none()))
ORDER = st.tuples(st.sampled_from([*(f"metrics.{key}" for key in METRICS), *(f"params.{key}" for key in PARAMS),
                                   "attributes.start_time", "tags.team", "metrics.nope"]), st.sampled_from(["ASC", "DESC"]))


def _like(value: str, pattern: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "%":
        return any(_like(value[skip:], pattern[1:]) for skip in range(len(value) + 1))
    return bool(value) and pattern[0] in ("_", value[0]) and _like(value[1:], pattern[1:])


def _holds(run: dict[str, Any], clause: tuple[str, str, str, Any]) -> bool:
    kind, key, op, wanted = clause
    found = run[kind].get(key)
    if op in ("IS NULL", "IS NOT NULL"):
        return (found is None) == (op == "IS NULL")
    if found is None:
        return False
    return {"=": lambda: found == wanted, "!=": lambda: found != wanted, "<": lambda: found < wanted,
            "<=": lambda: found <= wanted, ">": lambda: found > wanted, ">=": lambda: found >= wanted,
            "LIKE": lambda: _like(found, wanted)}[op]()


def _sorted(found: list[dict[str, Any]], order: list[tuple[str, str]]) -> list[str]:
    result = sorted(found, key=lambda run: run["id"])
    result.sort(key=lambda run: -run["start"])
    for name, direction in reversed(order):
        kind, _, key = name.partition(".")

        def value_of(run: dict[str, Any], kind: str = kind, key: str = key) -> Any:
            return run["start"] if kind == "attributes" else run[kind].get(key)

        def rank(run: dict[str, Any], value_of: Any = value_of) -> int:
            value = value_of(run)
            return 2 if value is None else 1 if isinstance(value, float) and math.isnan(value) else 0

        plain = [run for run in result if rank(run) == 0]
        plain.sort(key=lambda run: value_of(run).encode() if isinstance(value_of(run), str) else value_of(run),
                   reverse=direction == "DESC")
        result = plain + [run for run in result if rank(run) == 1] + [run for run in result if rank(run) == 2]
    return [run["id"] for run in result]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home: Path = tmp_path_factory.mktemp("home")
    prepare_home(home)
    opened = open_installation(home)
    yield opened
    opened.tracking.close()


def _text(clause: tuple[str, str, str, Any]) -> str:
    kind, key, op, value = clause
    shown = "" if value is None else f"'{value}'" if isinstance(value, str) else repr(value)
    return f"{kind}.{key} {op} {shown}".strip()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(RUN, max_size=14), filters=st.lists(FILTER, max_size=3),
       order=st.lists(ORDER, max_size=3, unique_by=lambda entry: entry[0]), size=st.integers(1, 5))
def test_a_search_finds_what_a_plain_search_finds(
        installation: Installation, made: list[dict[str, Any]], filters: list[tuple[str, str, str, Any]],
        order: list[tuple[str, str]], size: int) -> None:
    tracking = installation.tracking

    def fill(statements: Any) -> list[dict[str, Any]]:
        for table in ("run", "latest_metric", "metric", "param", "run_tag", "unsealed_run"):
            statements.modify(f"DELETE FROM {table}")
        return [{**run, "id": _make(statements, run)} for run in made]

    runs = tracking.write(fill)
    text = " AND ".join(map(_text, filters))
    asked, wanted = parse_run_filter(text), parse_run_order([f"{name} {way}" for name, way in order])
    expected = _sorted([run for run in runs if all(_holds(run, clause) for clause in filters)], order)

    found: list[str] = []
    position = None
    while True:
        with tracking.reading() as statements:
            page, places = search(statements, [0], ["active"], asked, wanted, position, size)
        found += [run.id for run in page]
        if len(page) < size:
            break
        position = places[-1]
    assert found == expected


def _make(statements: Any, run: dict[str, Any]) -> str:
    made = create_run(statements, ANN, 0, start_time=run["start"])
    log(statements, ANN, made.id,
        points=[Point(key, 0, 0, 0.0 if math.isnan(value) else value, int(math.isnan(value)))
                for key, value in run["metrics"].items()],
        params=list(run["params"].items()), tags=list(run["tags"].items()))
    return made.id


def test_a_rare_filter_is_read_first_and_a_common_one_after_the_order(installation: Installation) -> None:
    tracking = installation.tracking

    def fill(statements: Any) -> None:
        for number in range(400):
            made = create_run(statements, ANN, 0, start_time=number)
            log(statements, ANN, made.id, points=[Point("many", 0, 0, number / 400, 0), Point(
                "rare", 0, 0, float(number == 7), 0)])

    tracking.write(fill)
    for text, count in (("metrics.rare > 0.5 AND metrics.many >= 0", 1), ("metrics.many >= 0 AND metrics.rare < 0.5", 100),
                        ("metrics.many >= 2", 0)):
        with tracking.reading() as statements:
            page, _ = search(statements, [0], ["active"], parse_run_filter(text),
                             parse_run_order(["metrics.many DESC"]), None, 100)
        assert len(page) == count


def test_thousands_of_ids_are_looked_up_at_once(installation: Installation) -> None:
    from stellwerk.features.experiments import visible

    with installation.tracking.reading() as statements:
        assert [one.id for one in visible(statements, ANN, [0, *range(10, 10_000)])] == [0]
