"""The stages of a job as people watch them, from its progress lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.features.jobs import repository
from stellwerk.kernel.clock import iso_us

_WORDS = {"environment": "Environment", "data": "Data", "plan": "Evaluation plan", "train": "Training",
          "evaluate": "Evaluation", "release": "Release"}
_LAMPS = {"started": "way", "progress": "way", "done": "clear", "failed": "stop"}
_TAIL = 400


def stages(connection: Connection, job_id: str) -> list[dict[str, Any]]:
    """Return the stages that a job has reached: name, lamp, newest message, start, and seconds once it has ended."""
    found: dict[str, dict[str, Any]] = {}
    for row in repository.stage_lines(connection, job_id):
        name = row["stage"]
        stage = found.setdefault(name, {"name": _WORDS.get(name, name.capitalize()), "message": "", "seconds": None,
                                        "started_at": iso_us(row["at"]), "since": row["at"]})
        stage["lamp"] = _LAMPS[row["status"]]
        stage["message"] = row["message"] or stage["message"]
        if row["status"] in ("done", "failed"):
            stage["seconds"] = (row["at"] - stage["since"]) / 1e6
    return list(found.values())


def tail(connection: Connection, job_id: str) -> tuple[list[str], int]:
    """Return the last lines that users' code printed, and the number of the newest progress line of any kind."""
    rows = repository.log_tail(connection, job_id, _TAIL)
    return [row["message"] for row in reversed(rows)], repository.last_seq(connection, job_id)
