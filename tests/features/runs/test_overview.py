"""Tables of many runs: pages there and back, chosen cells, columns in order, groups."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from stellwerk.apps.tracking_schema import first_rows, metadata
from stellwerk.features.runs import Point, create_run, log, overview, update_run
from stellwerk.infra.tracking_database import Statements, TrackingDatabase, open_tracking
from stellwerk.infra.tracking_database.prepare import prepare_tracking
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.secret import Secret
from stellwerk.protocols.mlflow.search import Order, parse_run_filter

ANN = Actor("person", "ann", "Ann", roles=frozenset({(None, "builder")}),
            permissions=frozenset({(None, "runs.read"), (None, "runs.write")}))
ALL = overview.Scope([0], ["active"], ())
AUC = [0.7, 0.9, None, math.nan, 0.8, 0.9, math.inf, 0.1]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def tracking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingDatabase]:
    file = tmp_path_factory.mktemp("overview") / "tracking.sqlite"
    address = Secret(request.getfixturevalue("postgres").new_database()) if request.param == "postgres" else None
    prepare_tracking(address, file, metadata, first_rows)
    database = open_tracking(address, file)
    database.write(_fill)
    yield database
    database.close()


def _fill(st: Statements) -> None:
    for number, auc in enumerate(AUC):
        run = create_run(st, ANN, 0, name=f"run {number}", start_time=1000 + number)
        value, is_nan = (0.0, 1) if auc is not None and math.isnan(auc) else (min(auc or 0.0, 1.7976931348623157e308), 0)
        points = [] if auc is None else [Point("auc", 1, 1, value, is_nan)]
        if number == 0:
            points += [Point("loss", 10 + step, step, 1.0 / (1 + step), 0) for step in range(1000)]
            points += [Point("loss", 2000, 1000, 0.0, 1)]
            points += [Point("far", step, -2**63 if step == 0 else 2**63 - 1002 + step, step, 0) for step in range(1001)]
            points += [Point("uneven", step, step if step < 1000 else step * 50, step, 0) for step in range(1500)]
            points += [Point("same", step, 7, step, 0) for step in range(1000)]
            points += [Point("sparse", step, step * 250, step, 0) for step in range(1000)]
        log(st, ANN, run.id, points=points, params=[("kind", "tree" if number % 2 else "linear"), ("seed", "7")],
            tags=[("parent", "p")] if number < 3 else [])
        if number != 5:
            update_run(st, ANN, run.id, status="FINISHED", end_time=1000 + 2 * number)


@pytest.mark.parametrize("order", [
    [], [Order("metric", "auc", True)], [Order("metric", "auc", False)], [Order("param", "kind", False)],
    [Order("tag", "parent", True)], [Order("attribute", "duration", True)], [Order("attribute", "end_time", False)],
    [Order("attribute", "status", False), Order("metric", "auc", True)]], ids=str)
def test_pages_lead_on_and_back_through_the_same_order(tracking: TrackingDatabase, order: list[Order]) -> None:
    def read(st: Statements) -> None:
        whole = [run.name for run in overview.page(st, ALL, order, None, 50)[0]]
        assert sorted(whole) == sorted(f"run {number}" for number in range(len(AUC)))
        seen: list[str] = []
        position = None
        while len(seen) < len(whole):
            runs, places = overview.page(st, ALL, order, position, 3)
            if position is not None:
                before, _ = overview.page(st, ALL, order, places[0], 3, backwards=True)
                assert [run.name for run in before] == seen[-3:]
            seen += [run.name for run in runs]
            position = places[-1]
        assert seen == whole
        assert overview.page(st, ALL, order, position, 3) == ([], [])

    tracking.read(read)


def test_runs_without_a_value_and_under_way_stand_last(tracking: TrackingDatabase) -> None:
    by_auc = tracking.read(lambda st: overview.page(st, ALL, [Order("metric", "auc", True)], None, 50)[0])
    assert [run.name for run in by_auc] == ["run 6", "run 5", "run 1", "run 4", "run 0", "run 7", "run 3", "run 2"]
    by_duration = tracking.read(lambda st: overview.page(st, ALL, [Order("attribute", "duration", True)], None, 50)[0])
    assert [by_duration[0].name, by_duration[-1].name] == ["run 7", "run 5"]


def test_keys_tell_how_many_runs_use_them_and_whether_they_differ(tracking: TrackingDatabase) -> None:
    found = tracking.read(lambda st: overview.keys_used(st, ALL, 100))
    assert found["param"] == [("kind", 8, True), ("seed", 8, False)]
    assert found["metric"][:1] == [("auc", 7, True)]
    assert {known.name for known in found["tag"]} == {"mlflow.runName", "parent"}


def test_cells_and_columns_in_order(tracking: TrackingDatabase) -> None:
    def read(st: Statements) -> None:
        runs, _ = overview.page(st, ALL, [], None, 50)
        numbers = {run.name: run.no for run in runs}
        cells = overview.cells(st, list(numbers.values()), {"metric": ["auc", "none"], "param": ["kind"], "tag": []})
        assert cells["metric", "auc"][numbers["run 1"]] == 0.9
        assert math.isnan(cells["metric", "auc"][numbers["run 3"]])
        assert numbers["run 2"] not in cells["metric", "auc"]
        assert cells["metric", "none"] == {}
        assert cells["param", "kind"][numbers["run 0"]] == "linear"
        values, missing = overview.metric_in_order(st, ALL, "auc")
        assert values[:5] == [0.1, 0.7, 0.8, 0.9, 0.9]
        assert (len(values), missing) == (6, 1)
        few = ALL._replace(filters=parse_run_filter("params.kind = 'tree' AND metrics.auc < 1"))
        assert overview.metric_in_order(st, few, "auc") == ([0.1, 0.9, 0.9], 0)
        assert overview.value_counts(st, ALL, "param", "kind", 9) == [("linear", 4), ("tree", 4)]
        assert overview.count(st, few) == 3

    tracking.read(read)


def test_groups_count_and_summarise(tracking: TrackingDatabase) -> None:
    def read(st: Statements) -> None:
        linear, tree = overview.groups(st, ALL, "param", "kind", ["auc"], by="value", descending=False, offset=0,
                                       limit=9)
        # Infinity stands outside of what can be summed.
        assert (linear.value, linear.runs, linear.metrics[0]) == ("linear", 4, (2, 0.75, 0.7, 0.8))
        assert (tree.value, tree.metrics[0].runs, tree.metrics[0].high) == ("tree", 3, 0.9)
        by_parent = overview.groups(st, ALL, "tag", "parent", [], by="value", descending=False, offset=0, limit=9)
        assert [(group.value, group.runs) for group in by_parent] == [("p", 3), (None, 5)]
        best = overview.groups(st, ALL, "attribute", "status", ["auc"], by=0, descending=True, offset=0, limit=1)
        assert [group.value for group in best] == ["RUNNING"]

    tracking.read(read)


def test_curves_are_thinned_and_know_their_whole(tracking: TrackingDatabase) -> None:
    def read(st: Statements) -> None:
        numbers = {run.name: run.no for run in overview.page(st, ALL, [], None, 50)[0]}
        assert overview.curved_keys(st, list(numbers.values())) == dict.fromkeys(
            ("loss", "far", "uneven", "same", "sparse"), 1)
        whole = overview.history(st, numbers["run 0"], "loss", 5000)
        assert (len(whole.points), whole.total, whole.low, whole.high) == (1001, 1001, 0.001, 1.0)
        thinned = overview.history(st, numbers["run 0"], "loss", 100)
        assert 60 <= len(thinned.points) <= 105
        assert (thinned.total, thinned.low, thinned.high) == (1001, 0.001, 1.0)
        assert [thinned.points[0][1], thinned.points[-1][1:]] == [0, (1000, 0.0, 1)]
        assert overview.history(st, numbers["run 1"], "loss", 100) == ([], 0, None, None)
        # Steps far apart, unevenly, or all the same are thinned by their place.
        for key, count in (("far", 1001), ("uneven", 1500), ("same", 1000), ("sparse", 1000)):
            thinned = overview.history(st, numbers["run 0"], key, 100)
            assert thinned.total == count
            assert 25 <= len(thinned.points) <= 200, key
            assert thinned.points[-1][2] == count - 1, key

    tracking.read(read)


def test_the_newest_start_of_each_experiment(tracking: TrackingDatabase) -> None:
    assert tracking.read(lambda st: overview.last_starts(st, [0, 1])) == {0: 1007}
    assert tracking.read(lambda st: overview.run_counts(st, [0, 1])) == {0: 8}
