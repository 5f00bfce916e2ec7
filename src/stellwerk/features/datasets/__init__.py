"""Data sets: versions in the lake, contracts, quality reports.

What reads tables needs polars and is imported on first use, so that readers of records do not pay for it.
"""

from typing import TYPE_CHECKING, Any

from stellwerk.features.datasets.jobs import check_columns, contract_in, data_step, load_checked
from stellwerk.features.datasets.service import (
    contract_of,
    get_dataset_version,
    newest_reports,
    read_frame,
    report_of_version,
)

if TYPE_CHECKING:
    from stellwerk.features.datasets.reading import read_csv
    from stellwerk.features.datasets.typing import convert_column

_READING = {"read_csv": "reading", "convert_column": "typing"}

__all__ = ["check_columns", "contract_in", "contract_of", "convert_column", "data_step", "get_dataset_version",
           "load_checked", "newest_reports", "read_csv", "read_frame", "report_of_version"]


def __getattr__(name: str) -> Any:
    if name not in _READING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_READING[name]}"), name)
