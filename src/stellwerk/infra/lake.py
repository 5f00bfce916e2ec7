"""Tables in the lake: Delta Lake on disk, each version readable for ever."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stellwerk.infra.objects import full_disk
from stellwerk.kernel.errors import Conflict

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
    """Return the rows of one version in the order in which they were written.

    Raises Conflict when files of the table are gone or damaged.
    """
    import polars as pl
    from deltalake.exceptions import DeltaError

    try:
        return pl.read_delta(str(folder), version=version)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException, DeltaError) as error:
        raise Conflict(f"Version {version} of the table {folder.name} cannot be read: files are gone or damaged.",
                       field="lake", value=folder.name, hint="Restore the lake folder from a backup.",
                       details=str(error).splitlines()[0][:300]) from error
