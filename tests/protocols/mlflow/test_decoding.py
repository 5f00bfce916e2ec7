"""From bytes to structs: whatever comes, a struct or an error that names the place."""

from __future__ import annotations

import json
import math
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.decoding import check_items, decode_body, decode_query, encode
from stellwerk.protocols.mlflow.wire import runs as wire
from stellwerk.protocols.mlflow.wire.experiments import CreateExperiment, SearchExperiments, Tag

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["run_id", "metrics", "key", "value", "params", "tags", "step", "x"]), inner, max_size=4),
                    max_leaves=20)


@given(JSON)
def test_any_json_is_a_struct_or_an_error(value: Any) -> None:
    try:
        found = decode_body(wire.LogBatch, json.dumps(value).encode())
    except BadInput as error:
        assert error.message
        assert len(error.message) < 3000
        return
    assert isinstance(found, wire.LogBatch)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_struct_or_an_error(body: bytes) -> None:
    for read in (decode_body, decode_query):
        try:
            read(wire.SearchRuns, body)
        except BadInput:
            continue


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_texts_come_as_they_are(text: str) -> None:
    body = encode({"run_id": "a", "key": "k", "value": text})
    assert decode_body(wire.SetTag, body).value == text
    assert decode_query(wire.SetTag, f"run_id=a&key=k&value={quote(text)}".encode()).value == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_come_as_they_are(value: float) -> None:
    found = decode_body(wire.LogMetric, json.dumps({"key": "k", "value": value, "timestamp": 1}).encode())
    assert isinstance(found.value, float)
    assert found.value == value
    assert math.copysign(1, found.value) == math.copysign(1, value)


@given(st.integers(-(2**70), 2**70))
def test_whole_numbers_come_as_numbers_or_texts(value: int) -> None:
    for written in (value, str(value)):
        found = decode_body(wire.CreateRun, json.dumps({"start_time": written}).encode())
        assert found.start_time == value


@pytest.mark.parametrize(("body", "message"), [
    (b"{", "The request body is not valid JSON"), (b"\xff", "not valid JSON"), (b"[]", "is not what this call takes"),
    (b"null", "is not what this call takes"), (b'{"metrics": [{"key": "a"}, {"key": 5}]}',
                                               "Invalid value 5 for parameter 'metrics[1].key' supplied"),
    (b'{"metrics": {"a": 1}}', "Invalid value {\"a\":1} for parameter 'metrics' supplied"),
    (b'{"params": [5]}', "Invalid value 5 for parameter 'params[0]' supplied"),
    (b'{"tags": [{"key": "a", "value": "\\u0000"}]}', "for parameter 'tags[0].value' supplied: it holds a NUL"),
    (b'{"later": {"a": ["x\\u0000"]}}', "for parameter 'later.a[0]' supplied: it holds a NUL"),
    (b'{"run_id": "\\ud800"}', "not valid JSON"), (b"[" * 5000, "is not what this call takes"),
    (b'{"x": ' + b"[" * 5000, "nested too deeply"),
])
def test_errors_name_the_place(body: bytes, message: str) -> None:
    with pytest.raises(BadInput) as found:
        decode_body(wire.LogBatch, body)
    assert message in found.value.message


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert decode_body(wire.LogModel, rb'{"run_id": "a", "model_json": "\\u0000"}').model_json == "\\u0000"


def test_long_values_are_shown_in_short() -> None:
    with pytest.raises(BadInput) as found:
        decode_body(wire.LogBatch, json.dumps({"metrics": "x" * 100_000}).encode())
    assert len(found.value.message) < 1500


@pytest.mark.parametrize("body", [b"", b"{}", b'{"name": null}', b'{"name": ""}'])
def test_required_fields(body: bytes) -> None:
    with pytest.raises(BadInput, match="Missing value for required parameter 'name'"):
        decode_body(CreateExperiment, body)


def test_nothing_is_as_good_as_an_empty_object() -> None:
    assert decode_body(SearchExperiments, b"") == decode_body(SearchExperiments, b"{}") == SearchExperiments()


def test_queries() -> None:
    found = decode_query(wire.MetricHistoryInterval, b"run_ids=a&run_ids=b&metric_key=m%2Fn&start_step=-5&max_results=&x=1"
                         .replace(b"&max_results=", b""))
    assert (found.run_ids, found.metric_key, found.start_step) == (["a", "b"], "m/n", -5)
    assert decode_query(SearchExperiments, b"order_by=name&order_by=x").order_by == ["name", "x"]
    assert decode_query(SearchExperiments, b"filter=").filter == ""
    # The last one counts where only one is taken.
    assert decode_query(SearchExperiments, b"max_results=1&max_results=2").max_results == 2


@pytest.mark.parametrize("query", [b"\xff", b"filter=%ff", b"filter=%00", b"max_results=x", b"max_results=1.5", b"a=1&" * 3000])
def test_queries_that_are_refused(query: bytes) -> None:
    with pytest.raises(BadInput):
        decode_query(SearchExperiments, query)


def test_items() -> None:
    check_items(None, "tags")
    check_items([Tag(key="a")], "tags")
    with pytest.raises(BadInput, match=r"Missing value for required parameter 'tags\[1\]\.key'"):
        check_items([Tag(key="a"), Tag(value="b")], "tags")
