"""One decision as it is kept, and the leaf by which the ledger commits to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stellwerk.kernel import canonical_json
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.hashing import sha256_hex

COLUMNS = ("id", "at_us", "service", "revision", "version", "route", "caller", "decision", "score", "threshold",
           "marks", "mode", "latency_us", "idempotency", "inputs", "subject", "protected", "nonce")


# Personal, or said in another form in the leaf.
_NOT_IN_LEAF = frozenset({"at_us", "version", "marks", "latency_us", "idempotency", "inputs", "subject", "protected",
                          "nonce"})


@dataclass(frozen=True)
class Record:
    """A decision with everything needed to explain and contest it.

    ``marks``, ``inputs`` and ``protected`` are JSON text; ``subject`` tells whom it is about; ``nonce`` hides what
    of it is personal from the leaf; ``at_us`` and ``latency_us`` are microseconds.
    """

    id: str
    at_us: int
    service: str
    revision: str
    version: int
    route: str
    caller: str
    decision: str
    score: float
    threshold: float
    marks: str
    mode: str
    latency_us: int
    idempotency: str | None
    inputs: str
    subject: str | None
    protected: str | None
    nonce: bytes

    def row(self) -> tuple[Any, ...]:
        """Return the values in the order of ``COLUMNS``."""
        return (self.id, self.at_us, self.service, self.revision, self.version, self.route, self.caller, self.decision,
                self.score, self.threshold, self.marks, self.mode, self.latency_us, self.idempotency, self.inputs,
                self.subject, self.protected, self.nonce)

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> Record:
        """Return the record of a row in the order of ``COLUMNS``."""
        return cls(*row)

    def personal(self) -> dict[str, Any]:
        """Return what of the record is about a person; the leaf only commits to it."""
        return {"inputs": canonical_json.loads(self.inputs), "subject": self.subject,
                "protected": canonical_json.loads(self.protected) if self.protected else None}

    def leaf(self) -> bytes:
        """Return the leaf data: canonical JSON of what is not personal, and a commitment to the rest."""
        public = {name: value for name, value in asdict(self).items()
                  if name not in _NOT_IN_LEAF}
        return canonical_json.dumps({
            "v": 1, **public, "model_version": self.version, "at": iso_us(self.at_us),
            "marks": canonical_json.loads(self.marks), "commitment": commitment(self.nonce, self.personal())})


def commitment(nonce: bytes, personal: Mapping[str, Any]) -> str:
    """Return SHA-256 over nonce and canonical JSON, 64 hexadecimal digits."""
    return sha256_hex(nonce + canonical_json.dumps(dict(personal)))
