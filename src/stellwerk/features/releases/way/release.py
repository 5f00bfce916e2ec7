"""The step that goes as far as the rules allow, and says what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stellwerk.features.jobs import JobContext
from stellwerk.features.releases import service
from stellwerk.features.releases.facts import Facts
from stellwerk.features.releases.transitions import CANARY, CHAMPION
from stellwerk.infra.database import Work

LIVE, WAITS, GATES = 0, 3, 4


def release_step(job: JobContext) -> Mapping[str, Any]:
    """Release the version, or say what keeps it; output is the job's result with its exit code."""
    with job.write() as work:
        return _advance(work, job, release=True)


def stand_step(job: JobContext) -> Mapping[str, Any]:
    """Say where the version stands without releasing it; output is the job's result with its exit code."""
    with job.write() as work:
        return _advance(work, job, release=False)


def _advance(work: Work, job: JobContext, *, release: bool) -> dict[str, Any]:
    judged = job.outputs["evaluate"]
    revision = service.get_revision(work.connection, judged["revision_id"])
    result: dict[str, Any] = {"version": revision["version"], "evaluation": judged["evaluation_id"],
                              "revision": revision["id"], "waits_for": [], "gates": judged["gates"]}
    if revision["state"] in (CHAMPION, CANARY):
        # The step ran before a restart and its release is on disk.
        return result | _live(revision["state"], revision["version"], job.service)
    facts = service.gather(work.connection, work.actor, revision, work.now_us)
    kept = _kept_by_gates(facts)
    if kept:
        return result | {"exit": GATES, "outcome": "gates", "waits_for": kept, "message":
                         f"Version {revision['version']} cannot be released: " + "; ".join(kept)}
    if facts.missing_roles:
        waits = [f"approval by {role}" for role in facts.missing_roles]
        return result | {"exit": WAITS, "outcome": "waiting", "waits_for": waits, "message":
                         f"Version {revision['version']} passed and waits for " + " and ".join(waits) + "."}
    if not release:
        return result | {"exit": WAITS, "outcome": "waiting", "waits_for": ["release"], "message":
                         f"Version {revision['version']} passed: stellwerk release {job.service} "
                         f"{revision['version']}"}
    if facts.route is not None and facts.route["canary"] not in (None, revision["id"]):
        return result | {"exit": WAITS, "outcome": "waiting", "waits_for": ["the release under way"], "message":
                         f"Version {revision['version']} passed, but another release is under way: make it champion "
                         "or roll it back, then release this one."}
    share = revision["serving"]["canary"] if facts.route is not None else None
    moved = service.release_revision(work, revision, share=share)
    return result | _live(moved["state"], moved["version"], job.service)


def _live(state: str, version: int, name: str) -> dict[str, Any]:
    if state == CANARY:
        return {"exit": LIVE, "outcome": "live", "message": f"Version {version} answers a share of the requests as "
                f"canary; stellwerk release {name} {version} makes it champion."}
    return {"exit": LIVE, "outcome": "live", "message": f"Version {version} is live as champion."}


def _kept_by_gates(facts: Facts) -> list[str]:
    kept = [f"{row['gate']} {row['verdict']}: {row['reason']}" for row in facts.verdicts
            if row["verdict"] == "fail" or (row["verdict"] == "undecided" and row["gate"] not in facts.accepted)]
    if not facts.parity["holds"]:
        kept.append("the compiled model differs from the trained one: " + str(facts.parity["message"]))
    return kept
