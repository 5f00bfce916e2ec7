from typing import Any

import pytest

from stellwerk.kernel.secret import Secret
from stellwerk.uikit.live import event
from stellwerk.uikit.pages import Templates

UI: Any = Templates().environment.get_template("uikit/components.html").module
EVIL = "<script>alert(1)</script>\"'&"


@pytest.mark.parametrize("made", [
    UI.lamp("clear", EVIL), UI.note("stop", EVIL, EVIL), UI.fact(EVIL, EVIL), UI.hash(EVIL, href="/x"),
    UI.copy(EVIL, EVIL),
    UI.crumbs([(EVIL, "/"), (EVIL, None)]), UI.figures([(EVIL, EVIL, EVIL)]),
    UI.field("a", EVIL, value=EVIL, fault=EVIL),
    UI.empty(EVIL, EVIL, command=EVIL)])
def test_text_of_users_is_never_markup(made: str) -> None:
    assert "<script>" not in made
    assert "&lt;script&gt;" in made


@pytest.mark.parametrize(("state", "shape"), [("clear", "<circle"), ("caution", "<path"), ("stop", "<rect"),
                                              ("way", "<path"), ("unset", 'fill="none"'), ("nonsense", "unset")])
def test_a_lamp_has_shape_and_word(state: str, shape: str) -> None:
    made = UI.lamp(state)
    assert shape in made
    assert any(word in made for word in ("Clear", "Caution", "Stop", "Under way", "Not set"))
    assert 'class="visually-hidden">' in UI.lamp(state, hide_word=True)


def test_an_interval_stays_on_its_scale() -> None:
    made = UI.interval(-0.5, 0.5, 2.0, 0.8, 0, 1, "fail")
    assert 'x1="0.00" x2="180.00" y1="11"' in made
    assert 'cx="90.00"' in made
    assert 'x1="144.00"' in made
    assert "95 % interval" in made


def test_the_form_token_is_written_and_an_absent_time_says_never() -> None:
    assert 'value="abc"' in UI.csrf(Secret("abc"))
    assert "never" in UI.time(None)
    assert "24 Nov 2026, 09:00 UTC" in UI.time("2026-11-24T09:00:00.000000Z")


def test_events_keep_lines_together() -> None:
    assert event("fragment", "a\nb\r\nevent: forged\n") == (
        b"event: fragment\ndata: a\ndata: b\ndata: event: forged\n\n")
    assert event("done") == b"event: done\ndata: \n\n"
