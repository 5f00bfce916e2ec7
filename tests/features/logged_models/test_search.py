"""Searches of logged models against a plain search in Python: same models, same order, page by page."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.apps.prepare import prepare_home
from stellwerk.features import logged_models
from stellwerk.features.logged_models import LoggedModel, ModelPoint
from stellwerk.features.logged_models.repository import content, models
from stellwerk.features.logged_models.repository.search import Dataset, search, token_kinds
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.protocols.mlflow import paging
from stellwerk.protocols.mlflow.search import parse_logged_model_filter, parse_logged_model_order

Model = dict[str, Any]
METRICS, PARAMS, TEXTS = ("auc", "loss"), ("depth", "rate"), ("a", "A", "b", "", "a_b", "%", "ä")
NUMBERS = st.sampled_from([0.0, 0.5, -1.0, 2.0, math.nan])
DATASETS = (("", ""), ("loans", "d1"), ("loans", "d2"), ("claims", "d1"))
# (key, timestamp, step, value, data set)
POINT = st.tuples(st.sampled_from(METRICS), st.integers(0, 2), st.integers(0, 1), NUMBERS, st.sampled_from(DATASETS))
MODEL = st.fixed_dictionaries({
    "name": st.sampled_from(TEXTS), "model_type": st.sampled_from(TEXTS), "created": st.integers(0, 3),
    "status": st.sampled_from(["PENDING", "READY", "FAILED"]), "deleted": st.sampled_from([False, False, False, True]),
    "params": st.dictionaries(st.sampled_from(PARAMS), st.sampled_from(TEXTS)),
    "tags": st.dictionaries(st.sampled_from(PARAMS), st.sampled_from(TEXTS)),
    "points": st.lists(POINT, max_size=5, unique_by=lambda point: (point[0], point[1], point[2], point[4]))})
FILTER = st.one_of(
    st.tuples(st.just("metrics"), st.sampled_from((*METRICS, "nope")), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
              st.sampled_from([0.0, 0.5, -1.0])),
    st.tuples(st.sampled_from(["params", "tags"]), st.sampled_from((*PARAMS, "nope")),
              st.sampled_from(["=", "!=", "LIKE", "ILIKE"]), st.sampled_from(["a", "A", "a_b", "%"])),
    st.tuples(st.just("attributes"), st.sampled_from(["name", "model_type", "status"]),
              st.sampled_from(["=", "!=", "LIKE"]), st.sampled_from(["a", "READY", "%"])),
    st.tuples(st.just("attributes"), st.just("creation_time"), st.sampled_from([">", "<=", "="]), st.integers(0, 3)))
ORDER = st.fixed_dictionaries(
    {"field_name": st.sampled_from(["metrics.auc", "metrics.loss", "name", "status", "creation_time", "model_id"]),
     "ascending": st.booleans()},
    optional={"dataset_name": st.sampled_from(["loans", "claims", "nope"])})


def _like(value: str, pattern: str) -> bool:
    if not pattern:
        return not value
    if pattern[0] == "%":
        return any(_like(value[skip:], pattern[1:]) for skip in range(len(value) + 1))
    return bool(value) and pattern[0] in ("_", value[0]) and _like(value[1:], pattern[1:])


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "LIKE": _like, "ILIKE": lambda found, wanted: _like(found.lower(), wanted.lower())}


def _on(point: tuple[Any, ...], datasets: list[Dataset]) -> bool:
    return not datasets or any(point[4][0] == one.name and one.digest in ("", point[4][1]) for one in datasets)


def _holds(model: Model, clause: tuple[str, str, str, Any], datasets: list[Dataset]) -> bool:
    kind, key, op, wanted = clause
    if kind == "metrics":
        return any(_OPERATORS[op](point[3], wanted) for point in model["points"]
                   if point[0] == key and _on(point, datasets))
    if kind == "attributes":
        return _OPERATORS[op](model[{"creation_time": "created"}.get(key, key)], wanted)
    return key in model[kind] and _OPERATORS[op](model[kind][key], wanted)


def _latest(model: Model, key: str, dataset: str | None) -> float | None:
    points = [point for point in model["points"] if point[0] == key and dataset in (None, point[4][0])]
    if not points:
        return None
    newest = max(point[1:3] for point in points)
    value: float = min((point for point in points if point[1:3] == newest), key=lambda point: point[4])[3]
    return None if math.isnan(value) else value


def _sorted(found: list[Model], order: list[dict[str, Any]]) -> list[str]:
    result = sorted(sorted(found, key=lambda model: model["id"]), key=lambda model: -model["created"])
    for entry in reversed(order):
        field, ascending = entry["field_name"], entry["ascending"]
        values: dict[str, Any] = {model["id"]: _latest(model, field[8:], entry.get("dataset_name")) if field.startswith("metrics.")
                  else ["", "PENDING", "READY", "FAILED"].index(model["status"]) if field == "status"
                  else model["created"] if field == "creation_time" else model["id"] if field == "model_id"
                  else model["name"].encode() for model in found}
        there = [model for model in result if values[model["id"]] is not None]
        there.sort(key=lambda model: values[model["id"]], reverse=not ascending)
        result = there + [model for model in result if values[model["id"]] is None]
    return [model["id"] for model in result]


def _text(clause: tuple[str, str, str, Any]) -> str:
    kind, key, op, value = clause
    return f"{kind}.{key} {op} {value!r}"


def _fill(statements: Statements, made: list[Model]) -> list[Model]:
    for table in ("logged_model", "logged_model_metric", "logged_model_param", "logged_model_tag"):
        statements.modify(f"DELETE FROM {table}")
    filled = []
    for number, model in enumerate(made):
        model_id = f"m-{number * 7 % 11:02d}{number:02d}"
        models.add(statements, LoggedModel(model_id, 0, model["name"], "", model["status"], "", model["model_type"],
                                           "deleted" if model["deleted"] else "active", model["created"], 9))
        content.add_params(statements, model_id, model["params"].items())
        content.set_tags(statements, model_id, model["tags"].items())
        logged_models.add_points(statements, [
            ModelPoint(model_id, key, timestamp, step, "r", 0.0 if math.isnan(value) else value, int(math.isnan(value)),
                       *dataset) for key, timestamp, step, value, dataset in model["points"]])
        filled.append({**model, "id": model_id})
    return filled


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation whose logged models this module alone makes and removes."""
    home = tmp_path_factory.mktemp("home")
    prepare_home(home)
    return open_installation(home)


@settings(max_examples=120)
@given(made=st.lists(MODEL, max_size=10), filters=st.lists(FILTER, max_size=2),
       order=st.lists(ORDER, max_size=3, unique_by=lambda entry: entry["field_name"]),
       datasets=st.lists(st.sampled_from([Dataset("loans", ""), Dataset("loans", "d2"), Dataset("claims", "d1")]),
                         max_size=2),
       size=st.integers(1, 4))
def test_a_search_finds_what_a_plain_search_finds(
        apart: Installation, made: list[Model], filters: list[tuple[str, str, str, Any]], order: list[dict[str, Any]],
        datasets: list[Dataset], size: int) -> None:
    known = apart.tracking.write(lambda statements: _fill(statements, made))
    there = [model for model in known if not model["deleted"]]
    if datasets and not any(kind == "metrics" for kind, *_ in filters):
        there = [model for model in there if any(_on(point, datasets) for point in model["points"])]
    expected = _sorted([model for model in there if all(_holds(model, clause, datasets) for clause in filters)], order)
    asked, wanted = parse_logged_model_filter(" AND ".join(map(_text, filters))), parse_logged_model_order(order)

    found: list[str] = []
    position = None
    while True:
        with apart.tracking.reading() as statements:
            page, places = search(statements, [0], asked, datasets, wanted, position, size)
        found += [model.id for model in page]
        if len(page) < size:
            break
        # As it comes back from a client.
        position = paging.read_token(paging.make_token("m", places[-1]), "m", token_kinds(wanted))
    assert found == expected


def test_only_the_experiments_that_are_named_are_searched(apart: Installation) -> None:
    def fill(statements: Statements) -> None:
        _fill(statements, [])
        for number in range(3):
            models.add(statements, LoggedModel(f"m-{number}", number, "n", "", "READY", "", "", "active", number, 9))

    apart.tracking.write(fill)

    def ids(*numbers: int) -> list[str]:
        return apart.tracking.read(lambda statements: [
            one.id for one in search(statements, numbers, (), (), (), None, 9)[0]])

    assert (ids(0, 2), ids(1), ids(7), ids()) == (["m-2", "m-0"], ["m-1"], [], [])
