"""Every query on data sets, their versions and quality reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.datasets.tables import dataset, dataset_version, quality_report


def get_dataset(connection: Connection, dataset_id: str) -> RowMapping | None:
    """Return one data set."""
    return connection.execute(select(dataset).where(dataset.c.id == dataset_id)).mappings().one_or_none()


def add_dataset(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a data set."""
    connection.execute(insert(dataset).values(**values))


def get_version(connection: Connection, version_id: str) -> RowMapping | None:
    """Return one version."""
    return connection.execute(
        select(dataset_version).where(dataset_version.c.id == version_id)).mappings().one_or_none()


def same_version(connection: Connection, dataset_id: str, content_hash: str, contract: str) -> RowMapping | None:
    """Return the version with this content under this contract."""
    return connection.execute(select(dataset_version).where(
        dataset_version.c.dataset_id == dataset_id, dataset_version.c.content_hash == content_hash,
        dataset_version.c.contract_digest == contract)).mappings().one_or_none()


def lake_version_of(connection: Connection, dataset_id: str, content_hash: str) -> int | None:
    """Return the lake version that holds this content already."""
    return connection.execute(select(dataset_version.c.lake_version).where(
        dataset_version.c.dataset_id == dataset_id, dataset_version.c.content_hash == content_hash).limit(1)
    ).scalar_one_or_none()


def add_version(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a version."""
    connection.execute(insert(dataset_version).values(**values))


def next_number(connection: Connection, dataset_id: str) -> int:
    """Return the number that the next version of a data set gets."""
    highest = connection.execute(
        select(func.max(dataset_version.c.number)).where(dataset_version.c.dataset_id == dataset_id)).scalar()
    return (highest or 0) + 1


def add_report(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a quality report."""
    connection.execute(insert(quality_report).values(**values))


def report_of_job(connection: Connection, job_id: str) -> RowMapping | None:
    """Return the quality report that a job wrote."""
    return connection.execute(
        select(quality_report).where(quality_report.c.job_id == job_id)).mappings().one_or_none()


def report_of_version(connection: Connection, version_id: str) -> RowMapping | None:
    """Return the newest quality report on a version."""
    return connection.execute(
        select(quality_report).where(quality_report.c.dataset_version_id == version_id)
        .order_by(quality_report.c.created_at.desc()).limit(1)).mappings().one_or_none()


def newest_reports(connection: Connection, services: Sequence[str]) -> dict[str, RowMapping]:
    """Return the newest quality report of each service."""
    rows = connection.execute(
        select(dataset.c.service, quality_report).join(dataset, dataset.c.id == quality_report.c.dataset_id)
        .where(dataset.c.service.in_(services)).order_by(quality_report.c.created_at)).mappings()
    return {row["service"]: row for row in rows}
