"""CSV files of every make are read as the text that they hold, or refused with the line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.datasets import csv_lines, read_csv, separator_of
from stellwerk.features.datasets.csv_lines import lines_of
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


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    for end in ("\n", "\r\n"):
        content = end.join(["a,b", "1,", "", '"",""', ",", "2,3", "", "", ""])
        assert read_csv(write(tmp_path, content), "x").rows() == [("1", None), (None, None), (None, None), ("2", "3")]
    assert read_csv(write(tmp_path, 'a\n1\n\n""\n2\n\n'), "x").rows() == [("1",), (None,), ("2",)]
    with pytest.raises(BadInput, match="has a header but no rows"):
        read_csv(write(tmp_path, "a,b\n\n\n"), "x")


def test_brackets_in_a_name_are_no_pattern(tmp_path: Path) -> None:
    path = tmp_path / "people [1] *.csv"
    path.write_text("a,b\n1,2\n")
    assert read_csv(path, path.name).height == 1


@pytest.mark.parametrize(("content", "words"), [
    ("", "is empty"), ("  \n", "is empty"), ("\n\na,b\n1,2\n", "line 1 is blank"), ("a,b\n", "has a header but no rows"),
    ("a,,b\n1,2,3\n", "line 1: a column name is empty"), ("a,b,a\n1,2,3\n", "line 1: a column name is doubled"),
    ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells, but the header has 2"),
    ("a,b\n,,", "line 2: 3 cells, but the header has 2"),
    ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "line 3: 2 cells, but the header has 3"),
    ('a,b\n"x\ny",1\n\n"z"\n', "line 5: 1 cell, but the header has 2"),
    ('a,b\n1,2\n3,"4\n5,6\n', "line 3: a quotation mark opens and none closes it"),
    ('a,b\n1,x"y\n2,z\n', "line 2: a quotation mark opens"), ('a"b,c\n1,2\n', "line 1: a quotation mark opens"),
    ('"a\nb",c\n1,2\n', "line 1: the column name"), (b"a,b\n1,2\nx,\xff\n", "line 3: byte 10 is not UTF-8"),
    ("\ufeffa,b\n".encode() + b"\xe4,1\n", "line 2: byte 7 is not UTF-8"), ("a,b\n1,2\n".encode("utf-16"), "no text"),
    (b"a,b\n" + b"1,2\n" * 20_000 + b"\xe4,1\n", "x.csv, line 20002: byte 80004 is not UTF-8"),
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


@settings(max_examples=400, deadline=None)
@given(text=st.text(st.sampled_from('ab,"\n\r ;'), max_size=40))
def test_any_text_has_rows_of_its_lines_or_a_reason(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = write(tmp_path_factory.mktemp("csv"), "x,y\n" + text)
    try:
        frame = read_csv(path, "x.csv")
    except BadInput as error:
        assert error.message.startswith("x.csv")
        return
    lines = lines_of(path, ",")
    assert frame.height == int((~lines.blank).sum()) - 1
    assert set(lines.cells[~lines.blank]) == {2}


def test_lines_go_on_over_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, 'a,b\r\n"1,\n""2",3\r\n\r\n4,5')
    whole = lines_of(path, ",")
    assert (whole.starts.tolist(), whole.cells.tolist()) == ([0, 5, 17, 19], [2, 2, 1, 2])
    assert (whole.blank.tolist(), whole.open_quote) == ([False, False, True, False], None)
    for size in range(1, 24):
        monkeypatch.setattr(csv_lines, "_PIECE", size)
        parts = lines_of(path, ",")
        assert [parts.starts.tolist(), parts.cells.tolist(), parts.blank.tolist(), parts.open_quote] == [
            whole.starts.tolist(), whole.cells.tolist(), whole.blank.tolist(), None]
    path = write(tmp_path, 'a\n"b"\n"c\nd')
    assert lines_of(path, ",").open_quote == 6
