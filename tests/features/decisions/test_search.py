"""Searching decisions: a page by subject and time is full while there are older matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.features.decisions.service import search
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel.errors import BadInput
from tests.dataplane.decision_log.records import NOON, keep

DAY = 86_400_000_000


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    prepare_home(tmp_path)
    return open_installation(tmp_path)


def test_time_and_subject_together_fill_a_page(installation: Installation) -> None:
    writer = Writer(installation.home.decisions, 0)
    ids = [keep(writer, at_us=NOON + day * DAY) for day in range(6)]
    keep(writer, at_us=NOON, subject="p2")
    keep(writer, at_us=NOON, service="cards")
    writer.close()
    # NOON is noon of 24 November 2026; the newest three lie after the span.
    span = {"subject": "p1", "since": "2026-11-24", "until": "2026-11-27"}
    first = search(installation, "loans", **span, limit=2)
    assert [each["id"] for each in first] == [ids[2], ids[1]]
    rest = search(installation, "loans", **span, limit=2, after=first[-1]["id"])
    assert [each["id"] for each in rest] == [ids[0]]


def test_the_ends_of_a_span_are_in_and_out(installation: Installation) -> None:
    writer = Writer(installation.home.decisions, 0)
    noon = keep(writer, at_us=NOON)
    writer.close()
    for subject in (None, "p1"):
        at = {"subject": subject, "since": "2026-11-24T12:00:00Z"}
        assert [each["id"] for each in search(installation, "loans", **at)] == [noon]
        assert search(installation, "loans", subject=subject, until="2026-11-24T13:00:00+01:00") == []
        assert search(installation, "loans", subject=subject, since="2026-11-24T12:00:00.000001Z") == []


@pytest.mark.parametrize("name", ["since", "until"])
def test_a_time_that_is_none_is_refused(installation: Installation, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        search(installation, "loans", **{name: "yesterday"})
    assert caught.value.field == {"since": "from", "until": "to"}[name]
