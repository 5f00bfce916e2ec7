"""Making one decision: check, choose, score, keep the record, answer."""

from __future__ import annotations

import asyncio
import json
import os
import time
from typing import Any

import msgspec

from stellwerk.dataplane.decision_log.idempotency import Claims
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.dataplane.request_check import Checked, read_json
from stellwerk.dataplane.snapshot import Route, TokenEntry
from stellwerk.gateway.routing import Deployed, Routing
from stellwerk.kernel.clock import iso_us


class Decider:
    """Makes decisions with what the present routing names."""

    def __init__(self, writer: Writer, claims: Claims) -> None:
        self._writer = writer
        self._claims = claims

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
        earlier = await asyncio.to_thread(self._claims.claim, route.service, caller.id, key, body, decision_id)
        if earlier is not None:
            return earlier
        try:
            answer = await self._make(route, caller, deployed, kind, checked, decision_id, started)
        except BaseException:
            await asyncio.to_thread(self._claims.release, route.service, caller.id, key)
            raise
        await asyncio.to_thread(self._claims.answered, route.service, caller.id, key, answer)
        return answer

    async def _make(self, route: Route, caller: TokenEntry, deployed: Deployed, kind: str, checked: Checked,
                    decision_id: str, started: int) -> bytes:
        revision = deployed.revision
        score = float(deployed.model.score({name: [value] for name, value in checked.inputs.items()})[0])
        at_us = time.time_ns() // 1000
        decision = deployed.decide(score)
        threshold = revision.between[1] if revision.between else revision.threshold
        record = Record(
            id=decision_id, at_us=at_us, service=route.service, revision=revision.id, version=revision.version,
            route=kind, caller=caller.name, decision=decision, score=score, threshold=threshold,
            marks=_text(checked.marks), mode=route.mode, latency_us=(time.perf_counter_ns() - started) // 1000,
            idempotency=checked.idempotency_key, inputs=_text(checked.inputs), subject=checked.subject,
            protected=_text(checked.protected) if checked.protected else None, nonce=os.urandom(16))
        await self._keep(record, route.mode)
        return msgspec.json.encode({
            "id": decision_id, "service": route.service, "decision": decision, "score": score, "threshold": threshold,
            "revision": revision.id, "model_version": revision.version, "marks": checked.marks,
            "decided_at": iso_us(at_us)})

    async def _keep(self, record: Record, mode: Any) -> None:
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()

        def done(error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_settle, kept, error)

        self._writer.append(record, mode, done)
        await kept


def _settle(kept: asyncio.Future[None], error: BaseException | None) -> None:
    if kept.done():
        return
    if error is None:
        kept.set_result(None)
    else:
        kept.set_exception(error)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
