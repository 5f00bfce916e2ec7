"""What is kept is what was recorded: hashes of content, round trips through the lake, tampering found."""

from __future__ import annotations

import hashlib
import struct
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.apps.prepare import prepare_home
from stellwerk.features.datasets import read_frame
from stellwerk.features.datasets.content_hash import content_hash
from stellwerk.features.datasets.service import record_version, store_rows
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.infra.lake import read_version, write_version
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import Conflict
from stellwerk.protocols.odcs import parse_contract

TYPES: dict[str, tuple[Any, Any]] = {
    "number": (pl.Float64, st.floats(allow_nan=False)), "integer": (pl.Int64, st.integers(-2**63, 2**63 - 1)),
    "text": (pl.String, st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    "truth": (pl.Boolean, st.booleans()),
    "day": (pl.Date, st.dates()), "moment": (pl.Datetime("us"), st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1))),
}
SCHEMA = {name: kind for name, (kind, _) in TYPES.items()}
ROW = st.fixed_dictionaries({name: st.one_of(st.none(), values) for name, (_, values) in TYPES.items()})


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=5), data=st.data())
def test_equal_tables_have_equal_hashes_and_any_cell_counts(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    digest = content_hash(frame_of(rows))
    assert content_hash(frame_of([dict(row) for row in rows])) == digest
    # Pieces in memory are no part of the content.
    assert content_hash(pl.concat([frame_of([row]) for row in rows], rechunk=False)) == digest
    at, name = data.draw(st.integers(0, len(rows) - 1)), data.draw(st.sampled_from(sorted(TYPES)))
    value = data.draw(st.one_of(st.none(), TYPES[name][1]))
    changed = [dict(row) for row in rows]
    changed[at][name] = value
    assert (content_hash(frame_of(changed)) == digest) == same(value, rows[at][name])


def test_names_types_order_and_borders_count() -> None:
    plain = pl.DataFrame({"a": ["ab", "c"], "b": [1, 2]})
    others = [plain.rename({"a": "c"}), plain.reverse(), plain.select("b", "a"), plain.head(1),
              plain.with_columns(pl.col("b").cast(pl.Float64)), plain.with_columns(a=pl.Series(["a", "bc"])),
              plain.with_columns(a=pl.Series(["ab", None])), plain.with_columns(b=pl.Series([1, None]))]
    assert len({content_hash(frame) for frame in [plain, *others]}) == len(others) + 1
    assert content_hash(pl.DataFrame({"a": [None, "x"]})) != content_hash(pl.DataFrame({"a": ["", "x"]}))


def test_the_hash_is_the_same_for_ever() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": [0.5, -1.0], "c": ["ä", None], "d": [True, False],
                          "e": [date(2024, 1, 1), None], "f": [datetime(2024, 1, 1, 12), None]})
    assert content_hash(frame) == "ad7bc2d6cad4cec6db6bf16f453022598dca842e0eb36fcba3c3d8f0159d81b9"
    # The same without the libraries: names and types, then per column bits of what is missing and the values.
    head = (b'{"columns":[["a","integer"],["b","number"],["c","text"],["d","boolean"],["e","date"],["f","timestamp"]],'
            b'"rows":2}')
    day, moment = date(2024, 1, 1) - date(1970, 1, 1), datetime(2024, 1, 1, 12) - datetime(1970, 1, 1)
    assert hashlib.sha256(
        head + b"\x40" + struct.pack("<qq", 1, 0) + b"\x00" + struct.pack("<dd", 0.5, -1.0)
        + b"\x40" + struct.pack("<II", 2, 0) + "ä".encode() + b"\x00" + b"\x01\x00"
        + b"\x40" + struct.pack("<qq", day.days, 0)
        + b"\x40" + struct.pack("<qq", int(moment.total_seconds()) * 10**6, 0)).hexdigest() == content_hash(frame)


def test_types_that_no_contract_knows_are_refused() -> None:
    with pytest.raises(ValueError, match="no contract can name"):
        content_hash(pl.DataFrame({"a": [[1]]}))


@settings(max_examples=15, deadline=None)
@given(versions=st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=3))
def test_each_version_stays_readable(tmp_path_factory: pytest.TempPathFactory,
                                     versions: list[list[dict[str, Any]]]) -> None:
    folder = tmp_path_factory.mktemp("lake") / "table"
    kept = {write_version(folder, frame_of(rows)): content_hash(frame_of(rows)) for rows in versions}
    assert {version: content_hash(read_version(folder, version)) for version in kept} == kept


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    prepare_home(tmp_path / "home")
    return open_installation(tmp_path / "home")


CONTRACT = parse_contract("kind: DataContract\napiVersion: v3.1.0\nschema:\n  - name: t\n    properties:\n"
                          "      - {name: a, logicalType: integer}\n", "c.yaml")


def keep(installation: Installation, frame: pl.DataFrame) -> str:
    digest, version = store_rows(installation, "churn.people", frame)
    with installation.database.write(SYSTEM) as work:
        row = record_version(work, "churn", "people", CONTRACT, {
            "content_hash": digest, "lake_version": version, "rows": frame.height, "schema": {"a": "Int64"},
            "profile": {}, "source": {}, "job_id": "job"})
        return str(row["id"])


def test_the_same_content_is_kept_once(installation: Installation) -> None:
    one, two = pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [1, 3]})
    first, second = keep(installation, one), keep(installation, two)
    assert first != second
    assert keep(installation, one) == first
    assert read_frame(installation, first).equals(one)
    assert read_frame(installation, second).equals(two)


def test_rows_changed_behind_the_records_are_found(installation: Installation, tmp_path: Path) -> None:
    version = keep(installation, pl.DataFrame({"a": [1, 2, 3]}))
    files = list((installation.home.lake / "churn.people").glob("*.parquet"))
    assert len(files) == 1
    files[0].chmod(0o600)
    write_version(tmp_path / "other", pl.DataFrame({"a": [1, 2, 4]}))
    other = next((tmp_path / "other").glob("*.parquet"))
    assert other.stat().st_size == files[0].stat().st_size
    files[0].write_bytes(other.read_bytes())
    with pytest.raises(Conflict, match="no longer has the content that was recorded"):
        read_frame(installation, version)


@pytest.mark.parametrize("damage", ["data", "gone", "log"])
def test_files_that_are_gone_or_damaged_are_a_message(installation: Installation, damage: str) -> None:
    version = keep(installation, pl.DataFrame({"a": [1, 2, 3]}))
    folder = installation.home.lake / "churn.people"
    for file in list(folder.rglob("*.json" if damage == "log" else "*.parquet")):
        file.unlink() if damage == "gone" else file.write_bytes(b"{")
    with pytest.raises(Conflict, match="cannot be read"):
        read_frame(installation, version)
