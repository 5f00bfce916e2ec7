"""Runs side by side: curves, params that differ, parallel coordinates, two columns against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features import experiments, runs
from stellwerk.features.tracking_pages import words
from stellwerk.features.tracking_pages.columns import INTERNAL, RunColumn, parse_column, parse_columns
from stellwerk.features.tracking_pages.contrast import as_number, differing, dots_chart, parallel_chart
from stellwerk.features.tracking_pages.curves import AXES, Drawing, chart_of, read_histories
from stellwerk.features.tracking_pages.figures import figure
from stellwerk.features.tracking_pages.interest import by_interest
from stellwerk.features.tracking_pages.times import iso_ms, seconds_between
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, NotFound
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits
from stellwerk.uikit import Chart, Templates
from stellwerk.uikit.run_charts import DISTINCT

pages = page_routes("/runs/compare", tag="runs")
templates = Templates(Path(__file__).parent / "templates")
templates.environment.filters["figure"] = figure
MOST_RUNS = 100
_USUAL_CURVES = 4
_MOST_CURVES = 24
_MOST_AXES = 12


@dataclass(frozen=True)
class Wish:
    """What the address asks for: runs, metrics as curves and how they are drawn, axes, and two columns."""

    runs: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    drawing: Drawing = field(default_factory=Drawing)
    axes: tuple[RunColumn, ...] = ()
    x: RunColumn | None = None
    y: RunColumn | None = None

    def pairs(self, *parts: str) -> list[tuple[str, str]]:
        """Return the parameters of some parts: ``runs``, ``curves``, ``axes``, ``dots``."""
        drawing = self.drawing
        found = {
            "runs": [("run", one) for one in self.runs],
            "curves": [("m", one) for one in self.metrics] + [
                ("axis", drawing.axis), ("smooth", f"{drawing.smooth:g}"),
                *((name, "1") for name, on in (("logx", drawing.log_x), ("logy", drawing.log_y)) if on)],
            "axes": [("p", one.name) for one in self.axes],
            "dots": [(name, one.name) for name, one in (("x", self.x), ("y", self.y)) if one is not None]}
        return [pair for part in parts for pair in found[part]]

    def without(self, run_id: str) -> str:
        """Return the address of the comparison without one of its runs."""
        pairs = self.pairs("runs", "curves", "axes", "dots")
        return "/runs/compare?" + urlencode([pair for pair in pairs if pair != ("run", run_id)])


@dataclass(frozen=True)
class Side:
    """One run of a comparison with all that it logged; ``label`` tells it from the others."""

    run: runs.Run
    label: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """All values by the name of their column."""
        found: dict[str, Any] = {f"params.{key}": value for key, value in self.params.items()}
        found |= {f"metrics.{key}": value for key, value in self.metrics.items()}
        found |= {f"tags.{key}": value for key, value in self.tags.items()}
        found["duration"] = self.seconds
        return found

    @property
    def seconds(self) -> float | None:
        """How long the run took."""
        return seconds_between(self.run.start_time, self.run.end_time)


@pages.get("", allow(experiments.READ))
def compare_page(request: Request, actor: CurrentActor, installation: CurrentInstallation) -> Response:
    """Show runs side by side."""
    wish = read_wish(request.query_params)
    sides, curved, histories, names = installation.tracking.read(lambda st: _read(st, actor, wish))
    apart, same = differing([side.params for side in sides])
    offered = _columns(sides, apart)
    axes = list(wish.axes) or _usual_axes(sides, apart)
    labels, rows = [side.label for side in sides], [side.values for side in sides]
    x, y = wish.x or _usual_x(sides, offered), wish.y or _usual_y(offered)
    crumbs: list[tuple[str, str | None]] = [("Runs", "/experiments")]
    if len(names) == 1:
        crumbs += [(name, f"/experiments/{number}") for number, name in names.items()]
    title = f"{len(sides)} {'run' if len(sides) == 1 else 'runs'} compared"
    return templates.page(
        request, "compare.html", title=title, section="runs", stylesheets=["evidence.css", "tracking.css"],
        crumbs=[*crumbs, ("Compare", None)], wish=wish, sides=sides, names=names, words=words, distinct=DISTINCT,
        curves=[chart_of(f"curve-{place}", key, dict(zip(labels, found, strict=True)), wish.drawing)
                for place, (key, found) in enumerate(histories.items())],
        curved=curved, shown=list(histories), axis_names=AXES, apart=apart, same=same,
        metrics=by_interest({key for side in sides for key in side.metrics}), offered=offered, axes=axes, x=x, y=y,
        tags=differing([_plain_tags(side) for side in sides])[0], time=iso_ms,
        parallel=parallel_chart(axes, labels, rows) if len(axes) > 1 and len(sides) > 1 else None,
        dots=_dots(x, y, labels, rows), verdict=_verdict(apart, same))


def read_wish(parameters: QueryParams) -> Wish:
    """Return what an address asks for; raises BadInput."""
    ids = tuple(dict.fromkeys(one for one in parameters.getlist("run") if one))
    if not 1 <= len(ids) <= MOST_RUNS:
        raise BadInput("A comparison needs runs." if not ids else "So many runs do not fit side by side.", field="run",
                       value=len(ids), allowed=f"1 to {MOST_RUNS}", hint="Tick runs in the table of an experiment.")
    for one in ids:
        limits.check_run_id(one)
    metrics, drawing = read_curves(parameters)
    axes = parse_columns(parameters.getlist("p"))[:_MOST_AXES]
    x, y = (parse_column(name, side) if (name := parameters.get(side)) else None for side in ("x", "y"))
    return Wish(ids, metrics, drawing, tuple(axes), x, y)


def read_curves(parameters: QueryParams) -> tuple[tuple[str, ...], Drawing]:
    """Return which metrics an address wants as curves, and how they are drawn; raises BadInput."""
    smooth = as_number(parameters.get("smooth", "0").replace(",", "."))
    if smooth is None:
        raise BadInput("The weight of smoothing is a number from 0 to 0.99.", field="smooth",
                       value=parameters.get("smooth", "")[:20])
    metrics = tuple(dict.fromkeys(limits.check_text(one, "m") for one in parameters.getlist("m") if one))
    return metrics[:_MOST_CURVES], Drawing(parameters.get("axis", "step"), smooth, parameters.get("logx") == "1",
                                           parameters.get("logy") == "1")


def _read(st: Statements, actor: Actor, wish: Wish) -> tuple[
        list[Side], dict[str, int], dict[str, list[runs.overview.History]], dict[int, str]]:
    found = runs.visible_runs(st, actor, wish.runs)
    lacking = [one for one in wish.runs if one not in found]
    if lacking:
        raise NotFound(f"There is no run {lacking[0][:80]!r} that you may see.", field="run", value=lacking[0][:80])
    ordered = [found[one] for one in wish.runs]
    sides = read_sides(st, ordered)
    numbers = [run.no for run in ordered]
    counts = runs.overview.curved_keys(st, numbers)
    # What more of the runs logged stands first, and among those what readers ask for.
    curved = {key: counts[key] for key in sorted(by_interest(counts), key=lambda key: -counts[key])}
    chosen = list(wish.metrics) or list(curved)[:_USUAL_CURVES]
    histories = read_histories(st, numbers, chosen)
    ids = sorted({run.experiment_id for run in ordered})
    return sides, curved, histories, {one.id: one.name for one in experiments.visible(st, actor, ids)}


def read_sides(st: Statements, found: Sequence[runs.Run]) -> list[Side]:
    """Return runs with all that they logged, each under a name of its own."""
    numbers = [run.no for run in found]
    params, tags = runs.overview.all_params_of(st, numbers), runs.overview.tags_of(st, numbers)
    latest = runs.overview.latest_of(st, numbers)
    names = [run.name for run in found]
    return [Side(run, run.name if names.count(run.name) == 1 else f"{run.name} {run.id[:6]}", dict(params[run.no]),
                 {key: float("nan") if is_nan else value for key, value, _, _, is_nan in latest[run.no]},
                 dict(tags[run.no])) for run in found]


def _plain_tags(side: Side) -> dict[str, str]:
    return {key: value for key, value in side.tags.items() if not key.startswith(INTERNAL)}


def _columns(sides: Sequence[Side], apart: Sequence[str]) -> list[RunColumn]:
    """Return the columns in which the runs may differ: params that do, metrics, the duration."""
    metrics = by_interest({key for side in sides for key in side.metrics})
    return [*(RunColumn("param", key) for key in apart), *(RunColumn("metric", key) for key in metrics),
            RunColumn("attribute", "duration")]


def _usual_axes(sides: Sequence[Side], apart: Sequence[str]) -> list[RunColumn]:
    common = [key for key in apart if sum(key in side.params for side in sides) > len(sides) / 2]
    metrics = [key for key in by_interest({key for side in sides for key in side.metrics}) if _varies(sides, key)]
    # The metric that gives the colour stands last.
    return [*(RunColumn("param", key) for key in common[:5]), *(RunColumn("metric", key) for key in metrics[1::-1])]


def _varies(sides: Sequence[Side], key: str) -> bool:
    return len({side.metrics.get(key) for side in sides}) > 1


def _usual_x(sides: Sequence[Side], offered: Sequence[RunColumn]) -> RunColumn:
    """Return the first param that is a number throughout, else the first column."""
    for column in offered:
        values = [side.values.get(column.name) for side in sides]
        if column.kind == "param" and all(as_number(value) is not None for value in values):
            return column
    return offered[0]


def _usual_y(offered: Sequence[RunColumn]) -> RunColumn:
    """Return the metric that readers ask for first, else the last column."""
    return next((column for column in offered if column.kind == "metric"), offered[-1])


def _dots(x: RunColumn, y: RunColumn, labels: Sequence[str], rows: Sequence[dict[str, Any]]) -> Chart | None:
    return dots_chart(x, y, labels, rows) if len(rows) > 1 and x != y else None


def _verdict(apart: Sequence[str], same: Sequence[str]) -> tuple[str, str] | None:
    if not apart and not same:
        return None
    if not apart:
        return "All params are the same", f": {len(same)} of them."
    names = ", ".join(apart[:3]) + (f" and {len(apart) - 3} more" if len(apart) > 3 else "")
    return (f"{len(apart)} {'param differs' if len(apart) == 1 else 'params differ'}",
            f" ({names}); {len(same)} {'is' if len(same) == 1 else 'are'} the same.")
