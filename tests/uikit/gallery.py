"""A page that shows every component with believable content; for tests and for the eye, never served in earnest."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.infra.http.routing import Routes, page_routes
from stellwerk.kernel.route import allow
from stellwerk.uikit import Column, TableView, Templates
from stellwerk.uikit.charts import Bar, Chart, Contribution, bars, histogram, lines, waterfall
from stellwerk.uikit.tables import table_query

COLUMNS = (Column("gate", "Gate", sortable=True), Column("verdict", "Verdict"), Column("limit", "Limit", numeric=True),
           Column("value", "Value", numeric=True, sortable=True), Column("interval", "95 % interval"),
           Column("n", "n", numeric=True))
GATES = (("ROC AUC", "pass", "at least", 0.75, 0.861, 0.843, 0.878, 0.5, 2380),
         ("Selection rate ratio by race", "pass", "at least", 0.80, 0.873, 0.806, 0.941, 0.5, 2380),
         ("Brier", "undecided", "at most", 0.10, 0.098, 0.071, 0.136, -0.15, 2380),
         ("True positive rate ratio by race", "fail", "at least", 0.80, 0.741, 0.702, 0.781, 0.5, 339))
STATES = {"pass": "clear", "fail": "stop", "undecided": "caution"}
templates = Templates(Path(__file__).parent / "templates")


def charts() -> dict[str, Chart]:
    """One chart of each kind."""
    groups = [Bar("white", 0.684, 0.664, 0.703, 2041), Bar("black", 0.597, 0.544, 0.648, 339)]
    curve = [(x / 10, min(1.0, 0.02 + x / 10 * 0.97)) for x in range(11)]
    other = [(x / 10, (x / 10) ** 1.4) for x in range(11)]
    way = [Contribution("debt to income", "0.41", -0.122), Contribution("credit history", "good", 0.071),
           Contribution("loan to value", "0.62", 0.038), Contribution("self employed", "no", 0.012),
           Contribution("other inputs", "", -0.006)]
    return {
        "bars": bars("selection", "Selection rate by race: 68 % and 60 %, ratio 0.87, gate 0.80", groups, share=True,
                     limit=0.55, under="95 % Wilson intervals; n is distinct applications", maximum=0.8),
        "lines": lines("calibration", "What the model says comes true within 2 points",
                       {"version 2": curve, "version 1": other}, x_axis="Said probability", y_axis="Observed share",
                       diagonal=True, share=True),
        "histogram": histogram("scores", "Most scores lie far from the threshold", [x / 10 for x in range(11)],
                               {"white": [12, 20, 31, 44, 60, 92, 150, 288, 540, 804],
                                "black": [14, 16, 21, 22, 24, 30, 41, 60, 62, 49]},
                               x_axis="Score", threshold=0.65),
        "waterfall": waterfall("why", "Mostly the debt to income ratio kept this answer below the threshold", 0.62, way,
                               threshold=0.65, under="Shapley values against the revision's 100 background rows"),
    }


def gallery_routes() -> Routes:
    """Return the page at /gallery."""
    routes = page_routes(tag="gallery")

    @routes.get("/gallery", allow("services.read"))
    def gallery(request: Request) -> Response:
        query = table_query(request, COLUMNS, "gate")
        components = templates.environment.get_template("uikit/components.html").module
        rows = []
        for name, verdict, words, limit, value, low, high, start, n in GATES:
            rows.append({"gate": name, "verdict": Markup(components.lamp(STATES[verdict], verdict.capitalize())),
                         "limit": f"{words} {limit:.2f}", "value": f"{value:.3f}", "n": f"{n:,}",
                         "interval": Markup(components.interval(low, value, high, limit, start, start + 0.5, verdict))})
        rows.sort(key=lambda row: row[query.sort], reverse=query.descending)
        return templates.page(request, "gallery.html", title="Version 2", section="services",
                              crumbs=[("Services", "/"), ("Mortgage pre-decision", "/"), ("Version 2", None)],
                              table=TableView(COLUMNS, rows, query, total=4, noun="gates"), **charts())

    return routes
