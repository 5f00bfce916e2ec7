"""How a version is shown on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from stellwerk.cli.output import clean, facts, lamp, moment, number, short, table


def live_words(live: Mapping[str, Any] | None) -> str:
    """Return in words what answers the requests of a service."""
    if live is None:
        return "nothing is live"
    champion, canary = live["champion"], live["canary"]
    words = f"version {champion['version']} is champion (threshold {champion['threshold']})"
    if canary is not None:
        words += f", version {canary['version']} answers {live['share']:.0%} as canary"
    return words


def print_gates(verdicts: list[Mapping[str, Any]]) -> None:
    """Print the gates with their verdicts and reasons."""
    table(["gate", "verdict", "why"],
          [[clean(row["gate"]), lamp(row["verdict"]), clean(row.get("reason", ""))] for row in verdicts])


def print_version(detail: Mapping[str, Any], *, brief: bool = False) -> None:
    """Print a version: its state, gates, approvals, what it waits for and, unless brief, what it was made of."""
    revision = detail.get("revision")
    if revision is None:
        click.echo("  not evaluated yet")
        return
    facts([("state", lamp(revision["state"])), ("threshold", revision["threshold"]),
           ("waits for", "; ".join(map(clean, detail.get("waits_for") or [])) or None)])
    if not brief:
        click.echo()
        print_gates(detail["evaluation"]["verdicts"])
        _print_lineage(detail)
    answers = detail["approvals"]["answers"]
    if answers:
        click.echo()
        table(["answer", "person", "role", "when", "reason"],
              [[lamp(row["verdict"]), clean(row["person"]), clean(row["role"]), moment(row["at"]), clean(row["reason"])]
               for row in answers])


def _print_lineage(detail: Mapping[str, Any]) -> None:
    lineage, parity = detail["lineage"], detail["version"]["parity"]
    data, bundle = lineage["data"], lineage["bundle"]
    commit = bundle["commit"]
    click.echo()
    facts([
        ("data", f"{clean(data['dataset'])} version {data['number']}, {number(data['rows'])} rows, "
                 f"{short(data['content_hash'])}"),
        ("code", f"{short(bundle['digest'])} by {clean(bundle['brought_by'])}"),
        ("commit", clean(commit["id"])[:12] + (" with changes" if commit["dirty"] else "") if commit else None),
        ("environment", short(lineage["environment"]["lock_hash"])),
        ("model", f"{clean(detail['version']['estimator'])}, {short(detail['version']['onnx'])}"),
        ("parity", clean(parity.get("message"))),
        ("digest", detail["revision"]["digest"]),
    ])
