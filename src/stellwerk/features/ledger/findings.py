"""What a verification looked at and what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_MOST = 200
_PROVES = ("Each covered row is what its last event says, and each sealed event and decision stands unchanged under a "
           "tree head signed with the key of this installation.")
_AGAINST = ("Anything against whoever holds the private key, who could write the whole ledger anew. A signed head kept "
            "elsewhere and given with --head shows that.")
_TAIL = "That the newest records are all there: without a head kept elsewhere (--head) a cut tail cannot be seen."
_TAIL_AFTER = "That the newest records are all there: what came after the head kept elsewhere could have been cut."
_ADDED = ("That each change came through Stellwerk: who can write to the database file can add a change together with "
          "an event. Such an event stays in the ledger; it cannot replace one that is there.")


@dataclass
class Verification:
    """What was looked at and what differs; ``findings`` is empty when all holds, ``more`` counts those left out.

    ``waiting`` counts the subjects that changed after their last event and were not compared with it.
    """

    rows: dict[str, int] = field(default_factory=dict)
    logs: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    more: int = 0
    unsealed: int = 0
    waiting: int = 0
    consistent_with: str | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.findings

    def finding(self, what: str, table: str, row: str | None, words: str) -> None:
        """Note that something differs."""
        if len(self.findings) < _MOST:
            self.findings.append({"what": what, "table": table, "row": row, "message": words})
        else:
            self.more += 1

    def not_proven(self) -> list[str]:
        """Return in words what this verification could not show."""
        words = [_AGAINST, _ADDED, _TAIL if self.consistent_with is None else _TAIL_AFTER]
        if self.unsealed:
            words.append(f"Anything about the {self.unsealed} newest events: they are not sealed yet.")
        if self.waiting:
            words.append(f"Anything about {self.waiting} runs that are under way or arriving: the event on what they "
                         "logged last is still to come.")
        words += [f"Anything about the records of {log}: only its signed head was looked at, they are not here."
                  for log, facts in self.logs.items() if not facts["records_read"]]
        return words

    def body(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {"holds": self.holds, "findings": self.findings, "more_findings": self.more, "rows": self.rows,
                "logs": self.logs, "unsealed_events": self.unsealed, "waiting_runs": self.waiting,
                "consistent_with": self.consistent_with, "proves": [_PROVES] if self.holds else [],
                "not_proven": self.not_proven()}
