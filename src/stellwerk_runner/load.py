"""The task ``load``: call a source function of the service and keep its rows as an Arrow file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import polars as pl

from stellwerk_runner import entry
from stellwerk_runner.failures import TaskError
from stellwerk_runner.progress import Progress

_FORMS = "a polars DataFrame (or a LazyFrame, a pandas DataFrame, a dict of columns, or a list of dicts)"


def load(task: dict[str, Any], out: Path, progress: Progress) -> dict[str, Any]:
    """Call ``task["entry"]`` without arguments and write out/data.arrow.

    Returns rows, columns (name to polars type) and seconds. Raises TaskError ``bad_return`` when what came back
    is no table, has no rows, or holds a column that a table of plain values cannot.
    """
    function = entry.find(task["entry"], Path(task["bundle"]))
    name = task["entry"].partition(":")[2]
    progress.say(f"calling {name}")
    entry.seed_everything(int(task.get("seed", 0)))
    started = time.perf_counter()
    frame = as_frame(entry.call(function, name), name)
    seconds = round(time.perf_counter() - started, 3)
    frame.write_ipc(out / "data.arrow", compression="uncompressed")
    progress.say(f"{frame.height} rows, {frame.width} columns", rows=frame.height, columns=frame.width)
    return {"rows": frame.height, "columns": {name: str(kind) for name, kind in frame.schema.items()},
            "seconds": {"function": seconds}}


def as_frame(value: Any, name: str) -> pl.DataFrame:
    """Return what a source function gave back as a polars DataFrame; raises TaskError ``bad_return``."""
    try:
        if isinstance(value, pl.LazyFrame):
            frame = value.collect()
        elif isinstance(value, pl.DataFrame):
            frame = value
        elif type(value).__module__.partition(".")[0] == "pandas":
            frame = pl.DataFrame({str(column): _plain(value[column]) for column in value.columns})
        elif isinstance(value, (dict, list)):
            frame = pl.DataFrame(value)
        else:
            raise TaskError("bad_return", f"{name} returned {_what(value)}.", hint=f"Return {_FORMS}.")
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise TaskError("bad_return", f"{name} returned {_what(value)} that is no table: {error}",
                        hint=f"Return {_FORMS}.") from error
    if not frame.height or not frame.width:
        raise TaskError("bad_return", f"{name} returned a table without rows or without columns.",
                        hint="Check the source that it reads.")
    odd = [column for column, kind in frame.schema.items() if kind == pl.Object]
    if odd:
        raise TaskError("bad_return", f"{name} returned columns of mixed Python objects: {', '.join(odd)}.",
                        hint="Give each column one type: numbers, text, booleans, dates or times.")
    return frame


def _plain(column: Any) -> list[Any]:
    # pandas marks missing text by a float; polars wants None.
    return [None if missing else item for item, missing in zip(column.tolist(), column.isna().tolist(), strict=True)]


def _what(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
