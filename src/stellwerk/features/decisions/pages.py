"""Pages: the decisions of a service by subject and time, and one decision with its reasons and proof."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features.decisions import service, words
from stellwerk.features.releases import gate_rows
from stellwerk.features.services import get_service, service_view
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import page_routes
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates
from stellwerk.uikit.formats import short_hash

pages = page_routes(tag="decisions")
_templates = Templates(Path(__file__).parent / "templates")
Text = Annotated[str, Query(max_length=200)]
_PAGE = 50


@pages.get("/services/{name}/decisions", allow("decisions.read", "service:name"))
def decisions_page(request: Request, name: str, connection: ReadConnection, installation: CurrentInstallation,
                   subject: Text = "", first: Annotated[str, Query(alias="from", max_length=10)] = "",
                   last: Annotated[str, Query(alias="to", max_length=10)] = "", after: Text = "") -> Response:
    """List the decisions of a service; ``after`` is the last id of the page before."""
    owner = service_view(get_service(connection, name))
    found = service.search(
        installation, name, subject=subject.strip() or None, since=_day(first, "from"), until=_day(last, "to", days=1),
        after=after or None, limit=_PAGE + 1)
    rows = found[:_PAGE]
    kept = {key: value for key, value in (("subject", subject), ("from", first), ("to", last)) if value}
    older = "?" + urlencode({**kept, "after": rows[-1]["id"]}) if len(found) > _PAGE else None
    return _templates.page(
        request, "decisions.html", title="Decisions", section="services", stylesheets=["evidence.css"],
        crumbs=[("Services", "/"), (owner["title"], f"/services/{name}"), ("Decisions", None)], service=owner,
        rows=rows, answers=words.ANSWERS, subject=subject.strip(), first=first, last=last, next_url=older,
        newest_url="?" + urlencode(kept) if after else None)


def _day(text: str, name: str, days: int = 0) -> str | None:
    if not text:
        return None
    try:
        return (date.fromisoformat(text) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        raise BadInput("This is not a date.", field=name, value=text, allowed="a date like 2027-01-31") from None


@pages.get("/decisions/{decision_id}", allow("decisions.read", "any"))
def decision_page(request: Request, decision_id: str, actor: CurrentActor, connection: ReadConnection,
                  installation: CurrentInstallation) -> Response:
    """Show one decision: the answer, why, what stands behind it, and its proof."""
    detail = service.decision_detail(installation, connection, actor, decision_id)
    decision = detail["decision"]
    crumbs = [("Services", "/"), (detail["service"]["title"], f"/services/{decision['service']}"),
              ("Decisions", f"/services/{decision['service']}/decisions"), (short_hash(decision_id), None)]
    return _templates.page(request, "decision.html", title=f"Decision {short_hash(decision_id)}", section="services",
                           crumbs=crumbs, stylesheets=["evidence.css", "board.css"], **content(detail))


def content(detail: dict[str, Any]) -> dict[str, Any]:
    """Return what the template of one decision shows."""
    decision = detail["decision"]
    return {"detail": detail, "answer": words.ANSWERS[decision["decision"]], "sentence": words.sentence(decision),
            "chart": words.why_chart(detail), "inputs": words.input_rows(detail),
            "gates": gate_rows(detail["gates"], detail.get("accepted", {})), "proof_file": f"{decision['id']}.json"}


@pages.get("/decisions/{decision_id}/proof", allow("decisions.read", "any"))
def proof(decision_id: str, actor: CurrentActor, connection: ReadConnection,
          installation: CurrentInstallation) -> Response:
    """Give the proof of a decision as a file for ``stellwerk verify``."""
    pack = service.proof_pack(installation, connection, actor, decision_id)
    return Response(canonical_json.dumps(pack), media_type="application/json",
                    headers={"Content-Disposition": f'attachment; filename="{decision_id}.json"'})
