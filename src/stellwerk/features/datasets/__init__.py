"""Data sets: versions in the lake, contracts, quality reports."""

from stellwerk.features.datasets.service import (
    contract_of,
    get_dataset_version,
    newest_reports,
    read_frame,
    report_of_version,
)

__all__ = ["contract_of", "get_dataset_version", "newest_reports", "read_frame", "report_of_version"]
