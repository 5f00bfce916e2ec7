"""Searching logged models: filters as conditions, orders as terms that are never NULL, pages by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from stellwerk.features.logged_models.repository.models import COLUMNS, LoggedModel
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.clauses import Clause, Term, after, compared, order_sql
from stellwerk.infra.tracking_database.statements import marks
from stellwerk.protocols.mlflow.search import Comparison, Order

_ATTRIBUTES = {"name": "l.name", "model_id": "l.id", "model_type": "l.model_type", "status": "l.status",
               "source_run_id": "l.source_run_id", "creation_timestamp": "l.created_at",
               "last_updated_timestamp": "l.updated_at"}
# A status is ordered by how far the model came.
_ORDERS = {**_ATTRIBUTES, "status": "CASE l.status WHEN 'PENDING' THEN 1 WHEN 'READY' THEN 2 WHEN 'FAILED' THEN 3 "
                                    "ELSE 0 END"}
_WHOLE = frozenset({"status", "creation_timestamp", "last_updated_timestamp"})
_TABLES = {"param": "logged_model_param", "tag": "logged_model_tag"}


class Dataset(NamedTuple):
    """A data set on which metrics count; an empty digest means any."""

    name: str
    digest: str


def token_kinds(order: Sequence[Order]) -> tuple[type | tuple[type, ...], ...]:
    """Return the types in a position: those of each key, then moment of creation and id where no key says them."""
    kinds: list[type | tuple[type, ...]] = []
    for entry in order:
        if entry.kind == "metric":
            kinds += [int, (int, float)]
        else:
            kinds.append(int if entry.key in _WHOLE else str)
    return (*kinds, *(kind for key, kind in (("creation_timestamp", int), ("model_id", str))
                      if not _orders(order, key)))


def search(st: Statements, experiment_ids: Sequence[int], filters: Sequence[Comparison], datasets: Sequence[Dataset],
           order: Sequence[Order], position: Sequence[Any] | None,
           limit: int) -> tuple[list[LoggedModel], list[list[Any]]]:
    """Return a page of models that are not deleted, and the position of each, behind ``position``."""
    if not experiment_ids:
        return [], []
    where, values = _filtered(st, experiment_ids, filters, datasets)
    columns, column_values, terms = _ordered(order)
    source, head = "logged_model l", ""
    if columns:
        # Computed once for each model, though page and order both ask for it.
        head = (f"WITH found AS MATERIALIZED (SELECT l.*, {', '.join(columns)} FROM logged_model l "
                f"WHERE {' AND '.join(where)}) ")
        source, where, values = "found l", [], [*column_values, *values]
    if position is not None:
        text, more = after(terms, position)
        where.append(text)
        values += more
    sql = (f"{head}SELECT {', '.join(f'l.{column}' for column in COLUMNS)}, {', '.join(term.sql for term in terms)} "
           f"FROM {source} {'WHERE ' + ' AND '.join(where) if where else ''} ORDER BY {order_sql(terms)} LIMIT ?")
    rows = st.fetch_all(sql, (*values, limit))
    count = len(COLUMNS)
    return [LoggedModel(*row[:count]) for row in rows], [list(row[count:]) for row in rows]


def _orders(order: Sequence[Order], key: str) -> bool:
    return any(entry.kind == "attribute" and entry.key == key for entry in order)


def _ordered(order: Sequence[Order]) -> tuple[list[str], list[Any], list[Term]]:
    """Return the columns that metrics add with their values, and all terms; a model without a number comes last."""
    columns: list[str] = []
    values: list[Any] = []
    terms: list[Term] = []
    for number, entry in enumerate(order):
        if entry.kind != "metric":
            terms.append(Term(_ORDERS[entry.key], entry.key, entry.descending))
            continue
        text, more = _latest(entry)
        columns.append(f"({text}) AS value{number}")
        values += more
        terms += [Term(f"CASE WHEN l.value{number} IS NULL THEN 1 ELSE 0 END", "rank"),
                  Term(f"coalesce(l.value{number}, 0.0)", "value", entry.descending)]
    if not _orders(order, "creation_timestamp"):
        terms.append(Term("l.created_at", "creation_timestamp", descending=True))
    if not _orders(order, "model_id"):
        terms.append(Term("l.id", "model_id"))
    return columns, values, terms


def _latest(entry: Order) -> Clause:
    text, values = "m.model_id = l.id AND m.key = ?", [entry.key]
    for name in ("dataset_name", "dataset_digest"):
        if getattr(entry, name):
            text += f" AND m.{name} = ?"
            values.append(getattr(entry, name))
    return ("SELECT CASE m.is_nan WHEN 1 THEN NULL ELSE m.value END FROM logged_model_metric m "
            f"WHERE {text} ORDER BY m.timestamp DESC, m.step DESC, m.run_id, m.dataset_name, m.dataset_digest, m.value "
            "LIMIT 1", values)


def _filtered(st: Statements, experiment_ids: Sequence[int], filters: Sequence[Comparison],
              datasets: Sequence[Dataset]) -> tuple[list[str], list[Any]]:
    where = [f"l.experiment_id IN ({marks(len(experiment_ids))})", "l.lifecycle = 'active'"]
    values: list[Any] = list(experiment_ids)
    conditions = [_condition(comparison, datasets, postgres=st.postgres) for comparison in filters]
    if datasets and not any(comparison.kind == "metric" for comparison in filters):
        text, more = _on_datasets(datasets)
        conditions.append((f"EXISTS (SELECT 1 FROM logged_model_metric m WHERE m.model_id = l.id AND {text})", more))
    for text, more in conditions:
        where.append(text)
        values += more
    return where, values


def _condition(comparison: Comparison, datasets: Sequence[Dataset], *, postgres: bool) -> Clause:
    if comparison.kind == "attribute":
        return compared(_ATTRIBUTES[comparison.key], comparison.op, comparison.value, postgres=postgres)
    if comparison.kind == "metric":
        return _metric(comparison, datasets)
    text, values = compared("t.value", comparison.op, comparison.value, postgres=postgres)
    return (f"EXISTS (SELECT 1 FROM {_TABLES[comparison.kind]} t WHERE t.model_id = l.id AND t.key = ? AND {text})",
            [comparison.key, *values])


def _metric(comparison: Comparison, datasets: Sequence[Dataset]) -> Clause:
    text, values = compared("m.value", comparison.op, comparison.value)
    # NaN is kept as 0 with a mark; it is unequal to every number and neither below nor above one.
    text = f"(m.is_nan = 1 OR {text})" if comparison.op == "!=" else f"m.is_nan = 0 AND {text}"
    if datasets:
        more, named = _on_datasets(datasets)
        text, values = f"{text} AND {more}", [*values, *named]
    return (f"EXISTS (SELECT 1 FROM logged_model_metric m WHERE m.model_id = l.id AND m.key = ? AND {text})",
            [comparison.key, *values])


def _on_datasets(datasets: Sequence[Dataset]) -> Clause:
    texts: list[str] = []
    values: list[Any] = []
    for dataset in datasets:
        texts.append("(m.dataset_name = ? AND m.dataset_digest = ?)" if dataset.digest else "m.dataset_name = ?")
        values += [dataset.name, dataset.digest] if dataset.digest else [dataset.name]
    return f"({' OR '.join(texts)})", values
