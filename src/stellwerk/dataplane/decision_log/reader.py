"""Reading decisions: by id, by subject, by service and time, and their leaves in order for sealing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from stellwerk.dataplane.decision_log.ids import place_of
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.segments import SELECT, open_for_reading, segment_file, segments, slots
from stellwerk.kernel.errors import BadInput

_END = 1 << 62


class Reader:
    """Reads the segments of all writers, also while they are written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[tuple[int, int], int] = {}

    def slots(self) -> list[int]:
        """Return the writer slots that have segments."""
        return slots(self._folder)

    def by_id(self, decision_id: str) -> Record | None:
        """Return one decision; raises BadInput for text that is no decision id."""
        slot, named = place_of(decision_id)
        for segment in _possible(named):
            found = self._query(slot, segment, f"{SELECT} WHERE id = ?", (decision_id,))
            if found:
                return found[0]
        return None

    def by_subject(self, subject: str, *, services: Sequence[str] | None, since_us: int = 0, until_us: int = _END,
                   after: str | None = None, limit: int = 50) -> list[Record]:
        """Return decisions about a subject in a span of time, newest first; ``after`` as in ``by_time``."""
        return self._page("subject = ? AND at_us >= ? AND at_us < ?", [subject, since_us, until_us], services, after,
                          limit)

    def by_time(self, *, services: Sequence[str] | None, since_us: int = 0, until_us: int = _END,
                after: str | None = None, limit: int = 50) -> list[Record]:
        """Return decisions of a span of time, newest first; ``after`` is the last id of the page before."""
        return self._page("at_us >= ? AND at_us < ?", [since_us, until_us], services, after, limit)

    def _page(self, where: str, values: list[object], services: Sequence[str] | None, after: str | None,
              limit: int) -> list[Record]:
        if services is not None:
            where += f" AND service IN ({', '.join('?' * len(services))})"
            values = [*values, *services]
        if after is not None:
            last = self.by_id(after)
            if last is None:
                raise BadInput("The page token names no decision.", field="after", value=after[:80],
                               allowed="the id of the last decision of the page before")
            where += " AND (at_us < ? OR (at_us = ? AND id < ?))"
            values = [*values, last.at_us, last.at_us, last.id]
        sql = f"{SELECT} WHERE {where} ORDER BY at_us DESC, id DESC LIMIT ?"
        found: list[Record] = []
        for slot in self.slots():
            of_slot: list[Record] = []
            # Segments of one writer follow each other in time, so the newest that fill the page are enough.
            for segment in reversed(segments(self._folder, slot)):
                of_slot += self._query(slot, segment, sql, (*values, limit))
                if len(of_slot) >= limit:
                    break
            found += of_slot
        found.sort(key=lambda record: (record.at_us, record.id), reverse=True)
        return found[:limit]

    def leaves(self, slot: int, start: int, at_most: int, *, until_us: int | None = None) -> list[bytes]:
        """Return leaf data of a writer's log from a position on, in order, up to the first record after ``until_us``.

        A buffered record may be lost by a power cut within its first moments, and its position would then belong to
        another: who seals gives a moment that has passed.
        """
        found: list[bytes] = []
        offset = 0
        for segment, count in self._counted(slot):
            if start < offset + count:
                first, most = max(start - offset, 0), min(offset + count - start, at_most) - len(found)
                rows = self._query(slot, segment, f"{SELECT} WHERE rowid > ? ORDER BY rowid LIMIT ?", (first, most))
                kept = [*itertools.takewhile(lambda row: until_us is None or row.at_us <= until_us, rows)]
                found += [record.leaf() for record in kept]
                if len(found) >= at_most or len(kept) < len(rows):
                    break
            offset += count
        return found

    def position_of(self, decision_id: str) -> tuple[int, int] | None:
        """Return (slot, index in the writer's log) of a decision, or None when there is none."""
        slot, named = place_of(decision_id)
        for segment in _possible(named):
            connection = open_for_reading(segment_file(self._folder, slot, segment))
            if connection is None:
                continue
            try:
                row = connection.execute("SELECT rowid FROM decision WHERE id = ?", (decision_id,)).fetchone()
            finally:
                connection.close()
            if row is not None:
                before = sum(count for other, count in self._counted(slot) if other < segment)
                return slot, before + int(row[0]) - 1
        return None

    def _counted(self, slot: int) -> list[tuple[int, int]]:
        """Return a writer's segments in order, each with its number of records."""
        counted: list[tuple[int, int]] = []
        final = False
        # Newest first: a segment is final once a later one held a record before it was counted.
        for segment in reversed(segments(self._folder, slot)):
            count = self._counts.get((slot, segment))
            if count is None:
                count = self._count(slot, segment)
                if final:
                    self._counts[slot, segment] = count
            final = final or count > 0
            counted.append((segment, count))
        return counted[::-1]

    def _count(self, slot: int, segment: int) -> int:
        connection = open_for_reading(segment_file(self._folder, slot, segment))
        if connection is None:
            return 0
        try:
            return int(connection.execute("SELECT coalesce(max(rowid), 0) FROM decision").fetchone()[0])
        finally:
            connection.close()

    def _query(self, slot: int, segment: int, sql: str, values: Sequence[object]) -> list[Record]:
        connection = open_for_reading(segment_file(self._folder, slot, segment))
        if connection is None:
            return []
        try:
            return [Record.of(row) for row in connection.execute(sql, values)]
        finally:
            connection.close()


def _possible(named: int) -> range:
    # A record lies as many segments behind the one that its id names as the writer rotated between drawing the id
    # and writing the record: hardly ever one, and more only with tiny segments.
    return range(named, named + 16)
