"""The one sentence on the right of a line: what the service waits for, in plain words."""

from __future__ import annotations

from stellwerk.features.board.stations import Traffic
from stellwerk.features.releases import gate_sentence, role_words

_DOING = {"data": "The data are read and checked.", "environment": "The environment is made ready.",
          "plan": "The evaluation is planned.", "train": "A new version is trained.",
          "evaluate": "A new version is evaluated.", "release": "A new version is released."}
_LONGEST = 160


def sentence(traffic: Traffic) -> str:
    """Return what the service waits for, one sentence."""
    if traffic.runs and traffic.job is not None:
        if traffic.job["state"] == "queued":
            return "A job waits for the worker."
        return _DOING.get(traffic.job["stage"] or "", "A job is under way.")
    if traffic.broke and traffic.job is not None:
        message = str((traffic.job["error"] or {}).get("message") or (traffic.job["result"] or {}).get("message") or "")
        return "The last job failed: " + _short(message or "see its log.")
    return _of_revision(traffic)


def _of_revision(traffic: Traffic) -> str:
    standing = traffic.standing
    revision = standing.revision
    if revision is None:
        return "Nothing has been shipped yet."
    version = f"Version {revision['version']}"
    state = revision["state"]
    if state == "champion":
        return f"{version} decides; nothing waits."
    if state == "rejected":
        live = standing.champion
        return f"{version} was rejected" + (f"; version {live['version']} goes on deciding." if live else ".")
    if state == "retired":
        live = standing.champion
        return f"Version {live['version']} decides again; nothing waits." if live else f"{version} was retired."
    if standing.blocking:
        first = standing.blocking[0]
        held = "is held" if first["verdict"] == "fail" else "is undecided"
        return f"{version} {held}: " + _short(gate_sentence(first))
    if state == "candidate" and standing.missing:
        if standing.action == "approve":
            return f"{version} waits for your approval."
        return f"{version} waits for approval by {role_words(standing.missing)}."
    if state == "canary":
        return f"{version} answers {standing.share * 100:.0f} % of the requests; it waits to become champion."
    return f"{version} is approved and waits for its release."


def _short(text: str) -> str:
    whole = text if text.endswith((".", "!", "?")) else f"{text}."
    return whole if len(whole) <= _LONGEST else f"{whole[:_LONGEST - 1].rstrip()}…"
