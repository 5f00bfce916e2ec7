import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.infra.telemetry import JsonFormatter, Registry
from stellwerk.kernel.secret import Secret


def line(message: str, **facts: object) -> str:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, message, (), None)
    record.facts = facts
    return JsonFormatter("server").format(record)


@given(st.text(), st.text())
def test_a_log_line_cannot_be_forged(message: str, value: str) -> None:
    written = line(message.replace("%", ""), value=value)
    assert re.fullmatch(r"[\x20-\x7e]*", written)
    assert json.loads(written)["value"] == value


def test_a_log_line_hides_secrets_and_names_errors() -> None:
    assert "hunter2" not in line("x", token=Secret("hunter2"))
    assert json.loads(line("x", token=Secret("hunter2")))["token"] == "***"
    try:
        raise ValueError("broken\nline")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "m", (), (type(error), error, error.__traceback__))
    written = JsonFormatter("server").format(record)
    assert "\n" not in written
    assert "ValueError: broken" in json.loads(written)["error"]


def test_metrics_in_the_text_format() -> None:
    registry = Registry()
    counter = registry.counter("requests_total", "Requests.", ("route",))
    counter.add(route='a"\\\n')
    counter.add(2, route='a"\\\n')
    registry.gauge("open", "Open.", lambda: 3.5)
    seconds = registry.histogram("seconds", "Time.")
    for value in (0.001, 0.002, 99.0):
        seconds.observe(value)
    lines = registry.render().splitlines()
    assert 'requests_total{route="a\\"\\\\\\n"} 3' in lines
    assert "open 3.5" in lines
    assert "# TYPE seconds histogram" in lines
    assert 'seconds_bucket{le="0.001"} 1' in lines
    assert 'seconds_bucket{le="0.0025"} 2' in lines
    assert 'seconds_bucket{le="10.0"} 2' in lines
    assert 'seconds_bucket{le="+Inf"} 3' in lines
    assert "seconds_count 3" in lines
    assert "seconds_sum 99.003000" in lines


def test_a_metric_has_one_meaning_and_all_its_labels() -> None:
    registry = Registry()
    counter = registry.counter("a", "A.", ("route",))
    with pytest.raises(ValueError, match="exists"):
        registry.histogram("a", "Again.")
    with pytest.raises(KeyError):
        counter.add()
