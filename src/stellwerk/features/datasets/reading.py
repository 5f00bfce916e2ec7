"""Reading a CSV file as the text that it holds; types come from the contract afterwards."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stellwerk.features.datasets.csv_lines import lines_of
from stellwerk.kernel.errors import BadInput

_SEPARATORS = ",;\t|"
_LOOK_BYTES = 1 << 16


def read_csv(path: Path, name: str) -> pl.DataFrame:
    """Return the file with every column as text, empty cells as missing, blank lines left out.

    ``name`` is what messages call the file. The separator (comma, semicolon, tab, bar) is found in the header.
    Raises BadInput for another encoding than UTF-8, no header, no rows, doubled or empty column names, and lines
    with more or fewer cells than the header, each with the line.
    """
    separator, header = _header(path, name)
    blank = _check_lines(path, name, separator, len(header))
    try:
        # Without glob: brackets and stars in a file's name are no pattern.
        frame = pl.read_csv(path, separator=separator, infer_schema=False, encoding="utf8", glob=False)
    except pl.exceptions.NoDataError:
        raise _no_rows(name) from None
    except pl.exceptions.PolarsError as error:
        _check_encoding(path, name)
        raise BadInput(f"{name}: {str(error).splitlines()[0]}", field=name,
                       allowed="UTF-8 text with one header line and as many cells in each line") from None
    if blank.any():
        frame = frame.filter(pl.Series(~blank))
    if frame.height == 0:
        raise _no_rows(name)
    # A cell that is quoted and empty is as empty as one that is not.
    frame = frame.with_columns(pl.all().replace("", None))
    return frame.rename({old: new.strip() for old, new in zip(frame.columns, header, strict=True)})


def separator_of(path: Path, name: str) -> str:
    """Return the character between the cells of a file, found in its header; raises BadInput as ``read_csv``."""
    return _header(path, name)[0]


def _header(path: Path, name: str) -> tuple[str, list[str]]:
    text = _beginning(path, name)
    if not text.strip():
        raise BadInput(f"{name} is empty.", field=name, allowed="a header line and at least one row")
    if not text.splitlines()[0].strip():
        raise BadInput(f"{name}, line 1 is blank.", field=name, allowed="a header in the first line")
    bare = re.sub(r'"[^"]*"', "", text).splitlines()
    first = bare[0] if bare else ""
    separator = max(_SEPARATORS, key=first.count) if any(mark in first for mark in _SEPARATORS) else ","
    header = [cell.strip() for cell in next(csv.reader(io.StringIO(text, newline=""), delimiter=separator))]
    doubled = sorted({cell for cell in header if header.count(cell) > 1})
    if "" in header or doubled:
        raise BadInput(f"{name}, line 1: a column name is {'empty' if '' in header else 'doubled'}.", field=name,
                       value=doubled or header, allowed="a name of its own for each column")
    broken = [cell for cell in header if not cell.isprintable()]
    if broken:
        raise BadInput(f"{name}, line 1: the column name {broken[0][:60]!r} holds a line break or control "
                       "character.", field=name, value=broken[0][:200], allowed="names of printable characters")
    return separator, header


def _beginning(path: Path, name: str) -> str:
    with path.open("rb") as stream:
        start = stream.read(_LOOK_BYTES)
    if b"\0" in start:
        raise BadInput(f"{name} is no text.", field=name, allowed="UTF-8", hint="Save the file as CSV in UTF-8.")
    try:
        return start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The cut at the end of what was looked at may split a character.
        if len(start) == _LOOK_BYTES and error.start >= len(start) - 3:
            return start[: error.start].decode("utf-8-sig")
        # With a byte order mark the position counts from behind it.
        at = error.start + (3 if start.startswith(codecs.BOM_UTF8) else 0)
        raise _no_utf8(name, start[:at].count(b"\n") + 1, at) from None


def _no_utf8(name: str, line: int, at: int) -> BadInput:
    return BadInput(f"{name}, line {line}: byte {at} is not UTF-8.", field=name, allowed="UTF-8",
                    hint="Save the file as UTF-8.")


def _no_rows(name: str) -> BadInput:
    return BadInput(f"{name} has a header but no rows.", field=name, allowed="at least one row")


def _check_lines(path: Path, name: str, separator: str, width: int) -> NDArray[np.bool_]:
    """Return which lines after the header are blank; raises BadInput for a line that is not whole."""
    lines = lines_of(path, separator)
    if lines.open_quote is not None:
        raise BadInput(f"{name}, line {_line_at(path, lines.open_quote)}: a quotation mark opens and none closes it.",
                       field=name, allowed="quotation marks in pairs around a cell, doubled within it")
    uneven = np.flatnonzero((lines.cells != width) & ~lines.blank)
    if len(uneven):
        raise _uneven(path, name, int(lines.starts[uneven[0]]), int(lines.cells[uneven[0]]), width)
    return lines.blank[1:]


def _check_encoding(path: Path, name: str) -> None:
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _no_utf8(name, content.count(b"\n", 0, error.start) + 1, error.start) from None


def _line_at(path: Path, position: int) -> int:
    with path.open("rb") as stream:
        return stream.read(position).count(b"\n") + 1


def _uneven(path: Path, name: str, start: int, cells: int, width: int) -> BadInput:
    count = f"{cells} cell{'s' * (cells != 1)}"
    return BadInput(f"{name}, line {_line_at(path, start)}: {count}, but the header has {width}.", field=name,
                    allowed=f"{width} cells in each line; an empty one for a missing value",
                    hint="A cell that holds the separator needs quotation marks around it.")
