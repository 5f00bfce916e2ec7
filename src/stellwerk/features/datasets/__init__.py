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
    from stellwerk.features.datasets.reading import read_csv, separator_of
    from stellwerk.features.datasets.typing import UNTYPED, bring_to_types

_READING = {"read_csv": "reading", "separator_of": "reading", "bring_to_types": "typing", "UNTYPED": "typing"}

__all__ = ["UNTYPED", "bring_to_types", "check_columns", "contract_in", "contract_of", "data_step",
           "get_dataset_version", "load_checked", "newest_reports", "read_csv", "read_frame", "report_of_version",
           "separator_of"]


def __getattr__(name: str) -> Any:
    if name not in _READING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_READING[name]}"), name)
