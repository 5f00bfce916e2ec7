"""The page of a version: verdict, the action that fits the reader, evidence; its forms call the transitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Form
from fastapi import Path as InPath
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stellwerk.features.releases import evidence, evidence_charts, service, views
from stellwerk.infra.crypto import load_key
from stellwerk.infra.database import Work
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection, WriteWork
from stellwerk.infra.http.routing import page_routes
from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, StellwerkError
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates

pages = page_routes("/services/{name}", tag="versions")
_templates = Templates(Path(__file__).parent / "templates")
Number = Annotated[int, InPath(ge=1, lt=2**31)]
Reason = Annotated[str, Form(max_length=4000)]
_READ = allow("services.read", "service:name")


@pages.get("/versions/{number}", _READ)
def version_page(request: Request, name: str, number: Number, actor: CurrentActor,
                 connection: ReadConnection) -> Response:
    """Show one version with all that stands behind it."""
    return _page(request, connection, name, number, actor)


@pages.post("/versions/{number}/answer", _READ)
def answer(request: Request, name: str, number: Number, work: WriteWork, installation: CurrentInstallation,
           verdict: Annotated[str, Form(max_length=20)], digest: Annotated[str, Form(max_length=64)],
           reason: Reason = "", accept: Annotated[list[str] | None, Form(max_length=50)] = None,
           until: Annotated[str, Form(max_length=40)] = "") -> Response:
    """Approve or reject; a refusal shows the page again with its words, and the reason is kept in the form."""
    signer = load_key(installation.home.keys_dir).sign

    def give() -> None:
        if verdict == "approve":
            service.approve(work, signer, name, number, reason=reason, digest=digest, accept=frozenset(accept or ()),
                            until=until or None)
        elif verdict == "reject":
            service.reject(work, signer, name, number, reason=reason, digest=digest)
        else:
            raise BadInput("An answer is a yes or a no.", field="verdict", value=verdict, allowed=["approve", "reject"])

    return _done(request, work, name, number, give, {"reason": reason, "accept": accept or [], "until": until})


@pages.post("/versions/{number}/release", allow("releases.write", "service:name"))
def release(request: Request, name: str, number: Number, work: WriteWork,
            share: Annotated[str, Form(max_length=10)] = "") -> Response:
    """Let the version answer all requests, or the share in per cent that the form names."""

    def give() -> None:
        service.release(work, name, number, share=_share(share) if share else None)

    return _done(request, work, name, number, give, {"share": share})


@pages.post("/versions/{number}/rollback", allow("releases.write", "service:name"))
def rollback(request: Request, name: str, number: Number, work: WriteWork, reason: Reason = "",
             to: Annotated[str, Form(max_length=10)] = "") -> Response:
    """End the canary, or go back to a former champion; ``to`` is empty or this version's number."""

    def give() -> None:
        service.rollback(work, name, version=number if to else None, reason=reason)

    return _done(request, work, name, number, give, {"rollback_reason": reason})


def _share(text: str) -> float:
    try:
        return float(text.replace(",", ".")) / 100
    except ValueError:
        raise BadInput("The share is not a number.", field="share", value=text, allowed="per cent, as in 10") from None


def _done(request: Request, work: Work, name: str, number: int, give: Callable[[], None],
          sent: dict[str, Any]) -> Response:
    """Do what a form asks; a refusal undoes its beginnings and is shown on the page itself."""
    try:
        with work.connection.begin_nested():
            give()
    except StellwerkError as refused:
        return _page(request, work.connection, name, number, work.actor, refused=refused, sent=sent)
    return RedirectResponse(f"/services/{quote(name)}/versions/{number}", 303)


def _page(request: Request, connection: Connection, name: str, number: int, actor: Actor, *,
          refused: StellwerkError | None = None, sent: dict[str, Any] | None = None) -> Response:
    detail = views.version_detail(connection, name, number, actor, clock.to_us(clock.now()))
    team = detail["service"]["team"]
    shown = {"reason": "", "accept": [], "until": "", "share": "", "rollback_reason": "", **(sent or {})}
    crumbs = [("Services", "/"), (detail["service"]["title"], f"/services/{quote(name)}"), (f"Version {number}", None)]
    return _templates.page(
        request, "version.html", title=f"Version {number}", section="services", stylesheets=["evidence.css"],
        status=refused.status if refused else 200, crumbs=crumbs,
        detail=detail, sentence=evidence.verdict_sentence(detail), refused=refused, sent=shown,
        may_release=actor.may("releases.write", team), today=clock.iso(clock.now())[:10],
        state_lamps=evidence.STATE_LAMPS, words=evidence.role_words, **_evidence(detail))


def _evidence(detail: dict[str, Any]) -> dict[str, Any]:
    if detail["revision"] is None:
        return {"gates": []}
    judged, threshold = detail["evaluation"], detail["revision"]["threshold"]
    result, plan, verdicts = judged["result"], judged["plan"], judged["verdicts"]
    return {
        "gates": evidence.gate_rows(verdicts, detail["accepted"]), "groups": evidence.group_tables(result, plan),
        "selection": {name: evidence_charts.selection_chart(name, part, verdicts)
                      for name, part in result["groups"].items()},
        "prices": [evidence_charts.price_chart(name, price, plan, detail["before"])
                   for name, price in result["price"].items()],
        "sweeps": [evidence_charts.sweep_chart(name, part, verdicts, threshold)
                   for name, part in result["groups"].items() if len(part["groups"]) > 1],
        "quality": [chart for chart in (evidence_charts.roc_chart(result), evidence_charts.calibration_chart(result))
                    if chart is not None],
        "scores": evidence_charts.score_chart(result, plan, threshold), "metrics": evidence.metric_rows(result),
        "checks": evidence.checks(detail), "outcome": evidence.outcome_words(plan)}
