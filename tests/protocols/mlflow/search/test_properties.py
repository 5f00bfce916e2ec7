"""No text does harm, and what is written from comparisons reads back as them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import search
from stellwerk.protocols.mlflow.search import Comparison, Order

FILTERS = (
    search.parse_run_filter,
    search.parse_experiment_filter,
    search.parse_registered_model_filter,
    search.parse_model_version_filter,
    search.parse_logged_model_filter,
)
ORDERS = (
    search.parse_run_order,
    search.parse_experiment_order,
    search.parse_registered_model_order,
    search.parse_model_version_order,
)
PIECES = [
    *("metrics.", "params.", "tags.", "attributes.", "dataset.", "run_id", "name", "start_time", "version_number"),
    *(" AND ", " OR ", " IN ", " NOT ", " IS ", "NULL", " LIKE ", "=", ">", "!", "(", ")", ",", ";", "'", '"', "`"),
    *("\\", ".", "-", "1", "1e", "0x1", "\n", " ", "experiment_id", "desc", "\0", "\ud800", "ä", "²", "٣", "true"),
]
texts = st.one_of(
    st.text(st.characters(exclude_categories=())), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
)


@given(texts)
def test_only_bad_input_leaves(text: str) -> None:
    for parse in FILTERS:
        try:
            parse(text)
        except BadInput as error:
            assert error.field == "filter"
    for order in ORDERS:
        try:
            order([text])
        except BadInput as error:
            assert error.field == "order_by"
    try:
        search.parse_logged_model_order([{"field_name": text}, {"field_name": "metrics." + text}])
    except BadInput as error:
        assert error.field == "order_by"


# Characters that need no escaping within the quotes chosen below, and no lone surrogates.
plain = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0'\"`\\\n\r"), max_size=20)
words = st.from_regex(r"[A-Za-z_]\w{0,8}", fullmatch=True)
NUMERIC = ["=", "!=", "<", "<=", ">", ">="]
TEXT = ["=", "!=", "LIKE", "ILIKE"]
finite = st.floats(allow_nan=False, allow_infinity=False)


def comparisons() -> st.SearchStrategy[Comparison]:
    keys = st.one_of(words, plain)
    make = st.builds
    kinds = st.sampled_from(["param", "tag"])
    return st.one_of(
        make(Comparison, st.just("metric"), keys, st.sampled_from(NUMERIC), finite),
        make(Comparison, kinds, keys, st.sampled_from(TEXT), plain),
        make(Comparison, kinds, keys, st.sampled_from(["IS NULL", "IS NOT NULL"]), st.none()),
        make(
            Comparison,
            st.just("attribute"),
            st.sampled_from(["start_time", "end_time"]),
            st.sampled_from(NUMERIC),
            st.integers(-(2**63), 2**63 - 1),
        ),
        make(
            Comparison,
            st.just("attribute"),
            st.sampled_from(["status", "run_name", "user_id"]),
            st.sampled_from(TEXT),
            plain,
        ),
        make(
            Comparison,
            st.just("attribute"),
            st.just("run_id"),
            st.sampled_from(["IN", "NOT IN"]),
            st.lists(plain, min_size=1, max_size=4).map(tuple),
        ),
        make(
            Comparison,
            st.just("dataset"),
            st.sampled_from(["name", "digest", "context"]),
            st.sampled_from(TEXT),
            plain,
        ),
    )


@st.composite
def written(draw: st.DrawFn) -> tuple[Comparison, str]:
    found = draw(comparisons())
    entity = draw(st.sampled_from([found.kind, found.kind + "s"]))
    quote = draw(st.sampled_from(["`", '"']))
    bare = found.key.isascii() and found.key.replace("_", "a").isalnum() and draw(st.booleans())
    op = found.op.lower() if draw(st.booleans()) else found.op
    space = draw(st.sampled_from([" ", "  ", "\n"]))
    left = f"{entity}.{found.key if bare else quote + found.key + quote}"
    mark = draw(st.sampled_from(["'", '"']))
    if found.value is None:
        value = ""
    elif isinstance(found.value, tuple):
        value = f"({','.join(mark + each + mark for each in found.value)})"
    else:
        value = f"{mark}{found.value}{mark}" if isinstance(found.value, str) else repr(found.value)
    return found, f"{left}{space}{op}{space}{value}"


@given(st.lists(written(), min_size=1, max_size=5), st.sampled_from([" AND ", " and ", "\nAnd\n"]))
def test_written_comparisons_read_back(clauses: list[tuple[Comparison, str]], joint: str) -> None:
    text = joint.join(clause for _, clause in clauses)
    assert search.parse_run_filter(text) == tuple(each for each, _ in clauses)


@given(st.sampled_from(["metric", "param", "tag"]), plain, st.sampled_from(["`", '"']), st.booleans())
def test_written_orders_read_back(kind: str, key: str, quote: str, descending: bool) -> None:
    entry = f"{kind}s.{quote}{key}{quote}{' DESC' if descending else ''}"
    assert search.parse_run_order([entry]) == (Order(kind, key, descending),)


@pytest.mark.parametrize(
    "piece",
    [
        "'",
        '"',
        "`",
        "''",
        "\\'",
        "'\\",
        '"\\',
        "(",
        "run_id IN (",
        "a.",
        "`a`.",
        "9",
        "-1",
        "1e",
        "=",
        ";",
        " ",
        "AND ",
        "a = 1 ",
    ],
)
def test_long_texts_take_no_long_time(piece: str) -> None:
    started = time.perf_counter()
    for head in ("", "run_id IN (", "params.a = '"):
        text = (head + piece * 65536)[:65536]
        for parse in FILTERS:
            try:
                parse(text)
            except BadInput as error:
                assert len(error.message) < 2000
    assert time.perf_counter() - started < 10
