#!/usr/bin/env python3
"""Check an exported Stellwerk decision on a machine that has no Stellwerk and no network.

    python stellwerk_verify.py FILE [--key KEY] [--json]

FILE is a proof pack (format stellwerk-proof/1). KEY is the installation's public key, got by another way than
FILE: 64 hexadecimal digits, or a file that holds them (keys/installation.pub). Needs Python 3.11 and `cryptography`.
Exit status: 0 all pieces hold, 1 at least one does not (it is named), 2 the input cannot be read as a pack.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "stellwerk-proof/1"
MAX_BYTES = 64 << 20
EVENT_KEYS = {"leaf", "detail", "state", "index", "proof"}
DECISION_KEYS = {"leaf", "personal", "index", "proof", "checkpoint"}
PACK_KEYS = {"format", "public_key", "decision", "anchor", "lineage", "checkpoint", "signature"}
EVENT_LEAF_KEYS = {"v", "id", "log", "at", "actor", "on_behalf_of", "verb", "subject", "table", "state", "detail"}
RELEASES = {"revision.canary", "revision.champion", "revision.rollback"}

# Which column of a row names which other row: subject type -> column -> subject type.
REFERENCES = {
    "revision": {"model_version_id": "model_version", "run_id": "run", "evaluation_id": "evaluation",
                 "dataset_version_id": "dataset_version", "bundle": "bundle", "manifest": "manifest",
                 "service": "service"},
    "evaluation": {"plan_id": "evaluation_plan", "model_version_id": "model_version",
                   "dataset_version_id": "dataset_version"},
    "model_version": {"run_id": "run"},
    "run": {"dataset_version_id": "dataset_version", "bundle": "bundle"},
}
# Rows that speak of another row, so that they belong to the lineage although nothing refers to them.
SPEAKS_OF = {"gate_acceptance": ("evaluation", "evaluation_id"),
             "quality_report": ("dataset_version", "dataset_version_id")}
# What a reader wants to see of each kind of row.
TOLD = {
    "revision": ("service", "number", "version", "threshold", "state"), "evaluation": ("verdict", "threshold"),
    "model_version": ("number", "estimator", "onnx"), "run": ("state", "seed", "params", "lock_hash"),
    "dataset_version": ("rows", "content_hash"), "gate_acceptance": ("gate", "person_name", "reason"),
}


class Unreadable(Exception):
    """The input is no proof pack at all."""


class Broken(Exception):
    """One piece does not hold; the text says why."""


@dataclass
class Report:
    """What was found: pieces that hold in plain words, what no pack can show, pieces that do not hold."""

    proven: list[str] = field(default_factory=list)
    not_proven: list[str] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)

    @contextmanager
    def piece(self, name: str) -> Iterator[None]:
        """Note a piece as broken when its check raises."""
        try:
            yield
        except Broken as error:
            self.failures.append({"piece": name, "reason": str(error)})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def parse_json(source: str) -> Any:
    """Return the value of JSON text; raises ValueError for doubled keys and everything that is not JSON."""
    try:
        return json.loads(source, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def read_pack(data: bytes) -> dict[str, Any]:
    """Return the pack in the bytes of a file; raises Unreadable."""
    try:
        pack = parse_json(data.decode("utf-8"))
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    if not isinstance(pack, dict) or pack.get("format") != FORMAT:
        raise Unreadable(f"it is not in the format {FORMAT}")
    return pack


def shaped(value: Any, keys: set[str]) -> dict[str, Any]:
    """Return an object that has exactly these keys."""
    if not isinstance(value, dict):
        raise Broken("it is not an object")
    if set(value) != keys:
        raise Broken(f"it must hold exactly {', '.join(sorted(keys))}; found {', '.join(sorted(value)) or 'nothing'}")
    return value


def text(value: Any, what: str) -> str:
    """Return a text; JSON can spell texts that have no UTF-8 form."""
    if not isinstance(value, str) or any(0xD800 <= ord(char) < 0xE000 for char in value):
        raise Broken(f"{what} is not a text")
    return value


def hexadecimal(value: Any, size: int, what: str) -> bytes:
    """Return the bytes of a text of lower-case hexadecimal digits."""
    if not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", text(value, what)):
        raise Broken(f"{what} is not {2 * size} lower-case hexadecimal digits")
    return bytes.fromhex(value)


def inner_json(value: Any, what: str) -> dict[str, Any]:
    """Return the object in a text of JSON."""
    try:
        found = parse_json(text(value, what))
    except ValueError as error:
        raise Broken(f"{what} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Broken(f"{what} is not an object")
    return found


def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).digest()


def root_of(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    position, last, current = index, size - 1, sha256(b"\x00" + leaf)
    for sibling in proof:
        if last == 0:
            raise Broken("the inclusion proof is too long")
        if position & 1 or position == last:
            current = sha256(b"\x01" + sibling + current)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            current = sha256(b"\x01" + current + sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise Broken("the inclusion proof is too short")
    return current


def check_included(piece: dict[str, Any], size: int, root: bytes) -> None:
    """Check that the leaf of a piece is in the tree."""
    index, proof = piece["index"], piece["proof"]
    if type(index) is not int or not 0 <= index < size:
        raise Broken(f"its position is not one of the {size} in the signed log")
    if not isinstance(proof, list) or len(proof) > 64:
        raise Broken("its inclusion proof is not a list of hashes")
    hashes = [hexadecimal(value, 32, "a hash of the inclusion proof") for value in proof]
    if root_of(text(piece["leaf"], "leaf").encode(), index, size, hashes) != root:
        raise Broken("its inclusion proof does not lead from its record to the signed root: one of them was changed")


def opened(opening: Any, commitment: Any, what: str) -> dict[str, Any]:
    """Return the JSON that a commitment in a leaf was made to."""
    parts = shaped(opening, {"nonce", "json"})
    nonce = hexadecimal(parts["nonce"], 16, f"the nonce of {what}")
    if sha256(nonce + text(parts["json"], what).encode()).hex() != commitment:
        raise Broken(f"{what} is not what the record commits to: it was changed")
    return inner_json(parts["json"], what)


class Key:
    """The installation's public key."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.installation = f"stellwerk-{sha256(raw).hex()[:16]}"

    def check(self, data: bytes, signature: bytes, what: str) -> None:
        """Check a signature."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            raise Broken(f"the signature of {what} is not the installation's") from None

    def head(self, note: Any) -> tuple[str, int, bytes]:
        """Return log, size and root of a signed tree head (C2SP tlog-checkpoint with one signature)."""
        found = re.fullmatch(r"(([^\s+/]+)/([^\s+/]+)\n(0|[1-9][0-9]{0,17})\n([A-Za-z0-9+/=]{44})\n)\n"
                             r"— ([^\s+]+) ([A-Za-z0-9+/=]+)\n", text(note, "the signed head"))
        if not found:
            raise Broken("the signed head does not have the form of a checkpoint")
        body, installation, log, size, root, name, signature = found.groups()
        blob = decoded(signature)
        if installation != self.installation or name != f"{installation}/{log}":
            raise Broken(f"the signed head is not of the installation {self.installation} that the key belongs to")
        if blob[:4] != sha256(name.encode() + b"\n\x01" + self.raw)[:4]:
            raise Broken("the signed head names another key")
        self.check(body.encode(), blob[4:], "the signed head")
        return log, int(size), decoded(root)


def decoded(value: str) -> bytes:
    """Return the bytes of base64 text in its one spelling."""
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        data = b""
    if base64.b64encode(data).decode() != value:
        raise Broken("a signature or root is not base64 in its one spelling")
    return data


def canonical(value: Any) -> bytes:
    """Return canonical JSON: sorted keys, no white space, UTF-8."""
    line = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text(line, "one of its values").encode()


@dataclass(frozen=True)
class Event:
    """A checked event: type and id of its row, the leaf, the details and, where shown, the row's state after it."""

    row: tuple[str, str]
    leaf: dict[str, Any]
    detail: dict[str, Any]
    state: dict[str, Any] | None
    index: int


def check_event(value: Any, size: int, root: bytes) -> Event:
    """Check one event of control against its signed head."""
    piece = shaped(value, EVENT_KEYS)
    check_included(piece, size, root)
    leaf = shaped(inner_json(piece["leaf"], "leaf"), EVENT_LEAF_KEYS)
    actor, subject = shaped(leaf["actor"], {"kind", "id"}), shaped(leaf["subject"], {"type", "id"})
    for value in (leaf["at"], leaf["verb"], *actor.values(), *subject.values()):
        text(value, "a part of the event")
    if leaf["v"] != 1 or leaf["log"] != "control":
        raise Broken("it is not an event of control in a version known here")
    detail = opened(piece["detail"], leaf["detail"], "the details of the event")
    state = None
    if piece["state"] is not None:
        state = opened(piece["state"], leaf["state"], f"the row {subject['id']} of table {leaf['table']}")
    return Event((subject["type"], subject["id"]), leaf, detail, state, piece["index"])


@dataclass
class Pack:
    """A pack under check."""

    raw: dict[str, Any]
    key: Key
    report: Report
    decision: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[str, Event]] = field(default_factory=list)

    def check(self) -> None:
        """Check every piece and note what holds and what does not."""
        with self.report.piece("control head"):
            log, size, root = self.key.head(self.raw["checkpoint"])
            if log != "control":
                raise Broken(f"it is the head of the log {log}")
            note = self._decision()
            self._anchor(note, size, root)
            with self.report.piece("lineage"):
                self._lineage(size, root)
        with self.report.piece("signature over the pack"):
            signature = hexadecimal(self.raw["signature"], 64, "the signature")
            rest = {name: value for name, value in self.raw.items() if name != "signature"}
            self.key.check(canonical(rest), signature, "the pack as a whole")
            self.report.proven.append("The installation made the pack like this: no piece was taken out or added.")

    def _decision(self) -> str:
        """Check the decision's record and personal part; return the head of its log, which the anchor must hold."""
        note = ""
        with self.report.piece("decision"):
            piece = shaped(self.raw["decision"], DECISION_KEYS)
            log, size, root = self.key.head(piece["checkpoint"])
            if not log.startswith("decisions-"):
                raise Broken(f"{log} is no log of decisions")
            note = str(piece["checkpoint"])
            check_included(piece, size, root)
            leaf = self.decision = inner_json(piece["leaf"], "leaf")
            self.report.proven += [
                f"The record of decision {leaf.get('id')} is unchanged since it was sealed: number {piece['index']} of "
                f"{size} in the log {log}.",
                f"It says: at {leaf.get('at')} the service {leaf.get('service')} decided {leaf.get('decision')!r} "
                f"(score {leaf.get('score')}, threshold {leaf.get('threshold')}) by revision {leaf.get('revision')}."]
            with self.report.piece("decision: personal part"):
                if piece["personal"] is None:
                    self.report.not_proven.append("What the inputs were: the pack does not hold the personal part.")
                else:
                    opened(piece["personal"], leaf.get("commitment"), "inputs, subject and protected attributes")
                    self.report.proven.append("Inputs, subject and protected attributes are those that it decided on.")
        return note

    def _anchor(self, note: str, size: int, root: bytes) -> None:
        with self.report.piece("anchor"):
            event = check_event(self.raw["anchor"], size, root)
            if event.leaf["verb"] != "head.sealed" or event.detail.get("payload") != {"checkpoint": note}:
                raise Broken("it does not record the signed head of the decision's log")
            self.report.proven.append(f"The ledger recorded the head of that log at {event.leaf['at']}, as event "
                                      f"{event.index} of {size}: the decision was on record by then.")

    def _lineage(self, size: int, root: bytes) -> None:
        if not isinstance(self.raw["lineage"], list):
            raise Broken("it is not a list")
        for number, value in enumerate(self.raw["lineage"], 1):
            with self.report.piece(f"lineage {number}"):
                event = check_event(value, size, root)
                self.events.append((f"lineage {number}", event))
                self.report.proven.append(told(event))
        rows = self._rows()
        for name, event in self.events:
            with self.report.piece(name):
                if event.row[0] == "approval" and event.state is not None:
                    self._approval(event.state, rows)
        if self.decision:
            self._connections(rows)
            self._order()

    def _rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the state of each row; it must be that of the row's last event here, and there only."""
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        last: dict[tuple[str, str], int] = {}
        for _, event in self.events:
            last[event.row] = max(event.index, last.get(event.row, -1))
        for name, event in self.events:
            with self.report.piece(name):
                is_last = event.index == last[event.row]
                if is_last and event.row in rows:
                    raise Broken("the event stands twice in the pack")
                if is_last != (event.state is not None):
                    raise Broken("the state of a row must be shown with its last event and with no other")
                if event.state is not None:
                    if event.state.get("id") != event.row[1]:
                        raise Broken("the state is that of another row")
                    rows[event.row] = event.state
        return rows

    def _connections(self, rows: dict[tuple[str, str], dict[str, Any]]) -> None:
        """Check that every row belongs to this decision, and say which ones are missing."""
        start = ("revision", str(self.decision.get("revision")))
        wanted, reached = [start, ("service", str(self.decision.get("service")))], set()
        while wanted:
            row = wanted.pop()
            if row in reached:
                continue
            reached.add(row)
            state = rows.get(row, {})
            wanted += [(kind, str(state[column])) for column, kind in REFERENCES.get(row[0], {}).items()
                       if state.get(column) is not None]
        for name, event in self.events:
            with self.report.piece(name):
                if event.row not in reached and speaks_of(event, rows) not in reached:
                    raise Broken(f"{event.row[0]} {event.row[1]} has nothing to do with this decision")
        for kind, row_id in sorted(reached - set(rows)):
            self.report.not_proven.append(f"Anything about {kind} {row_id}: the pack names it but does not hold it.")
        for column, name in (("service", "service"), ("version", "model_version")):
            if start in rows and rows[start].get(column) != self.decision.get(name):
                raise Broken(f"the decision names another {name} than its revision does")

    def _approval(self, state: dict[str, Any], rows: dict[tuple[str, str], dict[str, Any]]) -> None:
        statement = state.get("statement")
        if not isinstance(statement, dict):
            raise Broken("the approval holds no signed statement")
        self.key.check(canonical(statement), decoded(text(state.get("signature"), "its signature")), "the approval")
        columns = ("subject_type", "subject_id", "digest", "role", "verdict", "reason")
        if any(statement.get(column) != state.get(column) for column in columns):
            raise Broken("the signed statement and the row of the approval differ")
        subject = (str(statement.get("subject_type")), str(statement.get("subject_id")))
        says = (f"{statement.get('name')} ({statement.get('role')}) signed {statement.get('verdict')!r} on exactly the "
                f"content of {' '.join(subject)}: {statement.get('reason')!r}.")
        if rows.get(subject, {}).get("content_digest") == statement.get("digest"):
            self.report.proven.append(says)
        else:
            self.report.not_proven.append(f"That what is here was approved: the digest signed by "
                                          f"{statement.get('name')} is not that of the {subject[0]} in the pack.")

    def _order(self) -> None:
        row, decided = ("revision", str(self.decision.get("revision"))), str(self.decision.get("at"))
        times = [event.leaf["at"] for _, event in self.events if event.row == row and event.leaf["verb"] in RELEASES]
        if not times:
            self.report.not_proven.append("That the revision had been released when it decided: no such event here.")
        elif min(times) > decided:
            raise Broken(f"the decision is dated {decided}, before its revision was first released at {min(times)}")
        else:
            self.report.proven.append(f"The revision was released at {min(times)}, before it decided.")


def speaks_of(event: Event, rows: dict[tuple[str, str], dict[str, Any]]) -> tuple[str, str]:
    """Return the row that a row speaks of, such as the revision of an approval."""
    state = rows.get(event.row, {})
    kind, column = SPEAKS_OF.get(event.row[0], (str(state.get("subject_type")), "subject_id"))
    return kind, str(state.get(column))


def told(event: Event) -> str:
    """Return an event in words."""
    (kind, row_id), actor, state = event.row, event.leaf["actor"], event.state or {}
    facts = "".join(f", {column} {state[column]}" for column in TOLD.get(kind, ()) if column in state)
    return (f"{event.leaf['at']} {event.leaf['verb']}: {kind} {row_id}, by {event.detail.get('actor_name')} "
            f"({actor['kind']} {actor['id']}){facts}")


def check_pack(pack: dict[str, Any], trusted: bytes | None = None) -> Report:
    """Check a pack, against a trusted public key if one is given, and return what was found."""
    report = Report()
    key: Key | None = None
    with report.piece("pack"):
        shaped(pack, PACK_KEYS)
        with report.piece("public key"):
            raw = hexadecimal(pack["public_key"], 32, "public_key")
            if trusted is not None and trusted != raw:
                raise Broken("the pack was made by another installation than the one of the key given with --key")
            key = Key(raw)
        if key is not None:
            Pack(pack, key, report).check()
    if trusted is None:
        report.not_proven.append("Who made the pack: its public key came with it. Get the installation's key another "
                                 "way and give it with --key.")
    elif not report.failures:
        report.proven.append("All of it is signed with the key given with --key.")
    report.not_proven += [
        "That nothing was recorded later: the pack shows the ledger as it was when exported.",
        "That the installation keeps no second ledger: whoever holds its private key could. Compare the signed head "
        "in the pack with one that was kept elsewhere.",
        "That what was entered was true: only that it was recorded so and not changed since.",
    ]
    return report


def read_key(value: str) -> bytes:
    """Return the 32 bytes of a public key given as digits or as a file; raises Unreadable."""
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        try:
            value = Path(value).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise Unreadable(f"--key is neither 64 hexadecimal digits nor a readable file: {error}") from None
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise Unreadable("the file given with --key does not hold 64 hexadecimal digits and nothing else")
    return bytes.fromhex(value)


def run(file: str, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """Check a file and return exit status and findings as JSON."""
    try:
        path = Path(file)
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"it is larger than {MAX_BYTES >> 20} MiB")
        trusted = None if key is None else read_key(key)
        report = check_pack(read_pack(path.read_bytes()), trusted)
    except (OSError, ValueError, Unreadable) as error:
        return 2, {"ok": False, "file": file, "unreadable": str(error)}
    return bool(report.failures), {"ok": not report.failures, "file": file, "failures": report.failures,
                                   "proven": report.proven, "not_proven": report.not_proven}


def words(found: dict[str, Any]) -> str:
    """Return findings as text for people."""
    if "unreadable" in found:
        return f"CANNOT READ {found['file']}: {found['unreadable']}"
    lines = [f"{'VERIFIED' if found['ok'] else 'NOT VERIFIED'}: {found['file']}"]
    lines += [f"  FAILS {failure['piece']}: {failure['reason']}" for failure in found["failures"]]
    lines += ["", "Proven:" if found["ok"] else "Pieces that hold by themselves:"]
    lines += [f"  + {line}" for line in found["proven"]]
    lines += ["", "Not proven:", *(f"  - {line}" for line in found["not_proven"])]
    # A name in the pack must not steer the reader's terminal.
    return "\n".join("".join(char if char.isprintable() else "?" for char in line) for line in lines)


def main(arguments: list[str] | None = None) -> int:
    """Check the file named on the command line, print the findings, return the exit status."""
    parser = argparse.ArgumentParser(prog="stellwerk_verify.py", description="Check an exported Stellwerk decision.")
    parser.add_argument("file", help="a proof pack, as GET /api/v1/decisions/ID/proof gives it")
    parser.add_argument("--key", help="the installation's public key: 64 hexadecimal digits or a file")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    status, found = run(options.file, options.key)
    print(json.dumps(found, indent=2, ensure_ascii=False) if options.json else words(found))
    return status


if __name__ == "__main__":
    sys.exit(main())
