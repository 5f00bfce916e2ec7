"""CSV files of every make are read as the text that they hold, or refused with the line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.datasets import read_csv, separator_of
from stellwerk.kernel.errors import BadInput


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends(tmp_path: Path, mark: str, bom: str, end: str) -> None:
    path = write(tmp_path, bom + end.join([f"Größe{mark} b ", f"1{mark}x", f"{mark}\"\"", ""]))
    frame = read_csv(path, "x.csv")
    assert frame.to_dict(as_series=False) == {"Größe": ["1", None], "b": ["x", None]}
    assert separator_of(path, "x.csv") == mark


def test_quotes_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, '"a;b;c","d ""e"""\n"1\n2","x,y"\n')
    assert read_csv(path, "x").to_dict(as_series=False) == {"a;b;c": ["1\n2"], 'd "e"': ["x,y"]}


def test_short_lines_are_filled_with_missing(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "a,b\n1\n2,3\n"), "x")["b"].to_list() == [None, "3"]


@pytest.mark.parametrize(("content", "words"), [
    ("", "is empty"), ("  \n", "is empty"), ("\n\na,b\n1,2\n", "line 1 is blank"), ("a,b\n", "has a header but no rows"),
    ("a,,b\n1,2,3\n", "line 1: a column name is empty"), ("a,b,a\n1,2,3\n", "line 1: a column name is doubled"),
    ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells, but the header has 2"),
    ('"a\nb",c\n1,2\n', "line 1: the column name"), (b"a,b\n1,2\nx,\xff\n", "line 3: byte 10 is not UTF-8"),
    ("\ufeffa,b\n".encode() + b"\xe4,1\n", "line 2: byte 7 is not UTF-8"), ("a,b\n1,2\n".encode("utf-16"), "no text"),
    (b"a,b\n" + b"1,2\n" * 20_000 + b"\xe4,1\n", "x.csv"),
])
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_csv(write(tmp_path, content), "x.csv")
    assert words in caught.value.message
    assert caught.value.allowed


def test_a_character_split_by_the_look_is_no_fault(tmp_path: Path) -> None:
    for shift in range(4):
        content = "a,b\n" + "x" * shift + "ä😀" * 20_000 + ",1\n"
        assert read_csv(write(tmp_path, content), "x").height == 1


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), mark=st.sampled_from(",;\t|"))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]],
                                    mark: str) -> None:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=mark, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("first", "second"), *rows])
    frame = read_csv(write(tmp_path_factory.mktemp("csv"), stream.getvalue()), "x")
    assert frame.rows() == [tuple(cell or None for cell in row) for row in rows]
