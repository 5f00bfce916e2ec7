"""Tables in the lake: Delta Lake on disk, each version readable for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stellwerk.infra.objects import full_disk

if TYPE_CHECKING:
    import polars as pl


def write_version(folder: Path, frame: pl.DataFrame) -> int:
    """Write the frame as a new version of the table in a folder; returns the number of the Delta version.

    Raises Unavailable when the disk is full; the table keeps its versions.
    """
    from deltalake import DeltaTable, write_deltalake

    folder.parent.mkdir(parents=True, exist_ok=True)
    with full_disk():
        write_deltalake(str(folder), frame, mode="overwrite", schema_mode="overwrite")
    return int(DeltaTable(str(folder)).version())


def read_version(folder: Path, version: int) -> pl.DataFrame:
    """Return the rows of one version in the order in which they were written."""
    import polars as pl

    return pl.read_delta(str(folder), version=version)
