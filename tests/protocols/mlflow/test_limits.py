"""What keys, values and batches may be: as the client itself judges them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import _validate_metric_name, _validate_run_id

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import limits

KEYS = st.one_of(st.text(max_size=12), st.text(alphabet="ab./ -_:é\n", max_size=12),
                 st.lists(st.sampled_from(["a", "..", ".", "", "b c"]), max_size=5).map("/".join))


def refuses(check: object, *arguments: object) -> bool:
    try:
        check(*arguments)  # type: ignore[operator]
    except (BadInput, MlflowException):
        return True
    return False


@given(KEYS)
def test_keys_are_judged_as_the_client_does(key: str) -> None:
    # The client's pattern lets one line break pass at the end; such a key is refused here.
    if key.endswith("\n"):
        assert refuses(limits.check_key, key, "key")
        return
    assert refuses(limits.check_key, key, "key") == (key == "" or refuses(_validate_metric_name, key))


@given(st.one_of(st.text(max_size=20), st.text(alphabet="aB3-_. ", max_size=20), st.just("a" * 256), st.just("a" * 257)))
def test_ids_of_runs_are_judged_as_the_client_does(run_id: str) -> None:
    if run_id.endswith("\n"):
        assert refuses(limits.check_run_id, run_id)
        return
    assert refuses(limits.check_run_id, run_id) == refuses(_validate_run_id, run_id)


def test_the_length_of_keys() -> None:
    limits.check_key("a" * 250, "key")
    with pytest.raises(BadInput, match="'key' exceeds the maximum length of 250 characters"):
        limits.check_key("a" * 251, "key")


@pytest.mark.parametrize(("value", "kept"), [
    (1, (1.0, 0)), (0.5, (0.5, 0)), ("NaN", (0.0, 1)), (math.nan, (0.0, 1)), ("Infinity", (limits.LARGEST, 0)),
    ("-Infinity", (-limits.LARGEST, 0)), (math.inf, (limits.LARGEST, 0)), ("12", (12.0, 0)), ("1e3", (1000.0, 0)),
])
def test_values_of_metrics(value: float | str, kept: tuple[float, int]) -> None:
    assert limits.metric_value(value, "value") == kept


@pytest.mark.parametrize("value", ["abc", "", "0x10", None, True, False])
def test_values_that_are_none(value: object) -> None:
    with pytest.raises(BadInput, match="for parameter 'value' supplied"):
        limits.metric_value(value, "value")  # type: ignore[arg-type]


@given(st.floats() | st.integers() | st.text(max_size=10))
def test_any_value_is_kept_as_a_finite_double_or_refused(value: float | str) -> None:
    try:
        kept, is_nan = limits.metric_value(value, "value")
    except BadInput:
        return
    assert math.isfinite(kept)
    assert is_nan in (0, 1)


def test_batches() -> None:
    limits.check_batch({"metrics": 1000, "params": 0, "tags": 0})
    limits.check_batch({"metrics": 800, "params": 100, "tags": 100})
    for counts, message in (({"metrics": 1001}, "at most 1000 metrics. Got 1001"), ({"params": 101}, "at most 100 params"),
                            ({"tags": 101}, "at most 100 tags"), ({"metrics": 950, "params": 51}, "at most 1000 metrics, params, and tags. Got 1001")):
        with pytest.raises(BadInput) as found:
            limits.check_batch(counts)
        assert message in found.value.message


def test_params_named_twice() -> None:
    limits.check_unique(["a", "b"])
    with pytest.raises(BadInput, match=r"Duplicate parameter keys have been submitted: \['a', 'b'\]"):
        limits.check_unique(["b", "a", "b", "a", "c", "a"])


def test_whole_numbers() -> None:
    for value in (0, 2**63 - 1, -(2**63)):
        assert limits.check_int64(value, "step") == value
    for value in (2**63, -(2**63) - 1):
        with pytest.raises(BadInput, match="64 bits"):
            limits.check_int64(value, "step")


@pytest.mark.parametrize(("view", "stages"), [
    (None, ("active",)), ("ACTIVE_ONLY", ("active",)), (1, ("active",)), ("DELETED_ONLY", ("deleted",)), ("2", ("deleted",)),
    ("ALL", ("active", "deleted")), (3, ("active", "deleted")),
])
def test_views(view: str | int | None, stages: tuple[str, ...]) -> None:
    assert limits.view_stages(view) == stages


def test_views_that_are_none() -> None:
    for view in ("all", 4, "x"):
        with pytest.raises(BadInput, match="view_type"):
            limits.view_stages(view)


def test_texts() -> None:
    assert limits.check_text("a\nb", "value") == "a\nb"
    with pytest.raises(BadInput, match="NUL"):
        limits.check_text("a\x00", "value")
    limits.check_plain("a b\tc", "name")
    with pytest.raises(BadInput, match="control"):
        limits.check_plain("a\x07", "name")
