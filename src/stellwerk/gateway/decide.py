"""Making one decision: check, choose, score, keep the record, answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque

import msgspec

from stellwerk.dataplane.decision_log.idempotency import Claims
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.dataplane.request_check import Checked, read_json
from stellwerk.dataplane.snapshot import Route, TokenEntry
from stellwerk.gateway.routing import Deployed, Routing
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import BadInput, StellwerkError

_encode = msgspec.json.Encoder().encode


class Decider:
    """Makes decisions with what the present routing names."""

    def __init__(self, writer: Writer, claims: Claims, log: Reader) -> None:
        self._writer = writer
        self._claims = claims
        self._log = log
        self._settled: deque[tuple[asyncio.Future[None], BaseException | None]] = deque()
        self._waking = False

    @property
    def alive(self) -> bool:
        """Whether records, and so decisions, can still be made."""
        return self._writer.alive

    async def decide(self, routing: Routing, route: Route, caller: TokenEntry, body: bytes) -> bytes:
        """Return the JSON answer to a request body, its record kept before.

        Raises BadInput for what the contract does not allow, Conflict for a key that came with another body,
        Unavailable when the record cannot be kept; there is no decision then.
        """
        started = time.perf_counter_ns()
        parsed = read_json(body)
        decision_id = self._writer.new_id()
        subject = parsed.get("subject")
        deployed, kind = routing.choose(route, decision_id if subject is None else str(subject))
        checked = deployed.check(parsed)
        key = checked.idempotency_key
        if key is None:
            return await self._make(route, caller, deployed, kind, checked, decision_id, started)
        earlier = await asyncio.to_thread(self._claim, route.service, caller.id, key, body, decision_id)
        if earlier is not None:
            return earlier
        try:
            return await self._make(route, caller, deployed, kind, checked, decision_id, started)
        except StellwerkError:
            # Only here is it certain that there is no record; whatever else ends a request leaves the claim.
            await asyncio.to_thread(self._claims.release, route.service, caller.id, key, decision_id)
            raise

    def _claim(self, service: str, caller: str, key: str, body: bytes, decision_id: str) -> bytes | None:
        """Claim a key; returns the answer of the decision that has it, read from its record."""
        earlier = self._claims.claim(service, caller, key, body, decision_id)
        if earlier is None:
            return None
        record = self._log.by_id(earlier)
        if record is not None:
            return _answer(record)
        self._claims.take_over(service, caller, key, earlier, decision_id)
        return None

    async def _make(self, route: Route, caller: TokenEntry, deployed: Deployed, kind: str, checked: Checked,
                    decision_id: str, started: int) -> bytes:
        revision = deployed.revision
        try:
            score = deployed.model.score_one(checked.inputs)
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise _no_answer(checked)
        record = Record(
            id=decision_id, at_us=time.time_ns() // 1000, service=route.service, revision=revision.id,
            version=revision.version, route=kind, caller=caller.name, decision=deployed.decide(score), score=score,
            threshold=revision.between[1] if revision.between else revision.threshold,
            marks=_encode(checked.marks).decode() if checked.marks else "[]", mode=route.mode,
            latency_us=(time.perf_counter_ns() - started) // 1000, idempotency=checked.idempotency_key,
            inputs=_encode(checked.inputs).decode(), subject=checked.subject,
            protected=_encode(checked.protected).decode() if checked.protected else None,
            nonce=self._writer.new_nonce())
        # Before the record, so that nothing can fail between record and answer.
        answer = _answer(record)
        await self._keep(record, route)
        return answer

    async def _keep(self, record: Record, route: Route) -> None:
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()

        def done(error: BaseException | None) -> None:
            self._settled.append((kept, error))
            # One call wakes the loop for a whole batch.
            if not self._waking:
                self._waking = True
                loop.call_soon_threadsafe(self._settle)

        self._writer.append(record, route.mode, done)
        await kept

    def _settle(self) -> None:
        # First, so that whatever is settled from here on wakes the loop again.
        self._waking = False
        while self._settled:
            kept, error = self._settled.popleft()
            if kept.done():
                continue
            if error is None:
                kept.set_result(None)
            else:
                kept.set_exception(error)


def _answer(record: Record) -> bytes:
    """Return the answer that goes with a record, always the same bytes for the same record."""
    return _encode({
        "id": record.id, "service": record.service, "decision": record.decision, "score": record.score,
        "threshold": record.threshold, "revision": record.revision, "model_version": record.version,
        "marks": msgspec.Raw(record.marks.encode()), "decided_at": iso_us(record.at_us)})


def _no_answer(checked: Checked) -> BadInput:
    absent = [name for name, value in checked.inputs.items() if value is None]
    return BadInput("The model gives no score for these inputs.", field="inputs",
                    value={"null": absent} if absent else None, allowed="values that the model can score",
                    hint=f"Send a value for {', '.join(absent[:5])}." if absent else None)
