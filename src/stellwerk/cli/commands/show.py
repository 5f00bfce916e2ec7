"""``stellwerk show``: a service, one of its versions, or one decision with what stands behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from stellwerk.cli.output import clean, facts, lamp, moment, number, print_json, short, table, value
from stellwerk.cli.session import Session, with_session
from stellwerk.cli.versions import live_words, print_gates, print_version
from stellwerk.client.http import Client, segment
from stellwerk.kernel.errors import BadInput


@click.command()
@click.argument("what")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--export", metavar="FILE", help="With a decision: write the file that proves it offline.")
@with_session
def show(session: Session, what: str, version: int | None, export: str | None) -> None:
    """Show a service, a version, or one decision.

    A decision answers: which data trained it most recently, which code, which environment, who approved it when,
    which gates with which values, and why this answer.

    \b
    Examples:
      stellwerk show churn
      stellwerk show churn 2
      stellwerk show 01a20cfd-5240-7000-8000-00d19d020c1e
      stellwerk show 01a20cfd-5240-7000-8000-00d19d020c1e --export decision.json
    """
    is_decision = version is None and _is_id(what)
    if export is not None and not is_decision:
        raise BadInput("Only a decision can be exported with its proof.", field="WHAT", value=what,
                       allowed="the id of a decision")
    with session.client() as client:
        if is_decision:
            _decision(session, client, what, export)
        elif version is not None:
            _version(session, client, what, version)
        else:
            _service(session, client, what)


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _service(session: Session, client: Client, name: str) -> None:
    service = client.get(f"/services/{segment(name)}")
    versions = client.get(f"/services/{segment(name)}/versions")["versions"]
    if session.as_json:
        print_json({**service, "versions": versions})
        return
    click.echo(f"{clean(service['title'])}: {live_words(service['live'])}")
    facts([("service", clean(service["name"])), ("team", clean(service["team"])), ("risk", clean(service["risk"])),
           ("purpose", clean(service["purpose"]))])
    if versions:
        click.echo()
        table(["version", "state", "gates", "threshold"],
              [[row["number"], lamp(row["state"] or "trained"), lamp(row["verdict"]) if row["verdict"] else "",
                row.get("threshold")] for row in versions])


def _version(session: Session, client: Client, name: str, number_of: int) -> None:
    detail = client.get(f"/services/{segment(name)}/versions/{number_of}")
    if session.as_json:
        print_json(detail)
        return
    click.echo(f"{clean(name)} version {number_of}")
    print_version(detail)


def _decision(session: Session, client: Client, decision_id: str, export: str | None) -> None:
    detail = client.get(f"/decisions/{segment(decision_id)}")
    if export is not None:
        pack = client.get(f"/decisions/{segment(decision_id)}/proof")
        Path(export).write_text(json.dumps(pack, ensure_ascii=False, indent=1), encoding="utf-8")
    if session.as_json:
        print_json({**detail, "exported": export})
        return
    _print_decision(detail)
    if export is not None:
        click.echo(f"\n  proof written to {clean(export)}; check it anywhere: stellwerk verify {clean(export)}")


def _print_decision(detail: Mapping[str, Any]) -> None:
    decision, lineage, explanation = detail["decision"], detail["lineage"], detail["explanation"]
    click.echo(f"{lamp(decision['decision'])}  score {number(decision['score'])}, threshold "
               f"{number(decision['threshold'])}, {clean(decision['service'])} version {decision['model_version']}")
    data, bundle, proof = lineage["data"], lineage["bundle"], detail["proof"]
    commit = bundle["commit"]
    facts([
        ("decided", moment(decision["at"]) + f" as {clean(decision['route'])}, asked by {clean(decision['caller'])}"),
        ("subject", clean(decision["subject"]) if decision["subject"] is not None else None),
        ("data", f"{clean(data['dataset'])} version {data['number']} of {moment(data['created_at'])}, "
                 f"{number(data['rows'])} rows, {short(data['content_hash'])}"),
        ("code", f"{short(bundle['digest'])} by {clean(bundle['brought_by'])}"
                 + (f", commit {clean(commit['id'])[:12]}" if commit else "")),
        ("environment", short(lineage["environment"]["lock_hash"]) + ", " + ", ".join(
            f"{clean(name)} {clean(version)}" for name, version in (lineage["environment"]["versions"] or {}).items())),
        ("approved by", "; ".join(f"{clean(row['person'])} ({clean(row['role'])}) {moment(row['at'])}: "
                                  f"{clean(row['reason'])}" for row in detail["approvals"]) or "nobody was asked"),
        ("record", "sealed in the ledger, number " f"{proof['index']} of {proof['size']} in {proof['log']}"
         if proof["sealed"] else "kept; the ledger seals it within seconds"),
    ])
    click.echo()
    print_gates(detail["gates"])
    _print_explanation(explanation)
    for mark in decision["marks"]:
        click.echo(f"  mark: {clean(mark['field'])} {clean(mark['mark']).replace('_', ' ')}: {value(mark['value'])}")


def _print_explanation(explanation: Mapping[str, Any] | None) -> None:
    if explanation is None:
        click.echo("\n  why: its model is no longer stored, so the answer cannot be explained anew")
        return
    click.echo(f"\n  why: {number(explanation['base'])} is the mean score; this one differs by")
    table(["input", "value", "contribution"],
          [[clean(row["label"]), f"{value(row['value'])} {clean(row['unit'] or '')}".strip(),
            f"{row['contribution']:+.3f}"] for row in explanation["contributions"]])
