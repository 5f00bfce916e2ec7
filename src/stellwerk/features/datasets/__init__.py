"""Data sets: versions in the lake, contracts, quality reports."""

from stellwerk.features.datasets.jobs import check_columns, contract_in, data_step
from stellwerk.features.datasets.service import (
    contract_of,
    get_dataset_version,
    newest_reports,
    read_frame,
    report_of_version,
)

__all__ = [
    "check_columns",
    "contract_in",
    "contract_of",
    "data_step",
    "get_dataset_version",
    "newest_reports",
    "read_frame",
    "report_of_version",
]
