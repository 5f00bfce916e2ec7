"""Searching registered models and versions: filters as conditions, orders with a last key, pages by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stellwerk.features.registry.names import PROMPT_TAG
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.clauses import Clause, Term, after, compared, in_teams, order_sql
from stellwerk.protocols.mlflow.search import Comparison, Order

_MODEL_ORDER = {"name": Term("m.name", "name"), "last_updated_timestamp": Term("m.updated_at", "updated_at")}
_VERSION_ORDER = {"name": Term("v.name", "name"), "version_number": Term("v.version", "version"),
                  "creation_timestamp": Term("v.created_at", "created_at"),
                  "last_updated_timestamp": Term("v.updated_at", "updated_at")}
_VERSION_COLUMNS = {"name": "v.name", "version_number": "v.version", "run_id": "v.run_id", "source_path": "v.source"}
_MODEL_TAG = "SELECT 1 FROM registered_model_tag t WHERE t.name = m.name AND t.key = ?"
_VERSION_TAG = "SELECT 1 FROM registered_version_tag t WHERE t.name = v.name AND t.version = v.version AND t.key = ?"
_NUMBERS = frozenset({"version", "created_at", "updated_at"})


def model_terms(order: Sequence[Order]) -> list[Term]:
    """Return the order of a search of models: as asked, then by name."""
    return _terms(order, _MODEL_ORDER, (Term("m.name", "name"),))


def version_terms(order: Sequence[Order]) -> list[Term]:
    """Return the order of a search of versions: as asked or the last changed first, then by name, newest first."""
    asked = order or (Order("attribute", "last_updated_timestamp", True),)
    return _terms(asked, _VERSION_ORDER, (Term("v.name", "name"), Term("v.version", "version", descending=True)))


def _terms(order: Sequence[Order], columns: dict[str, Term], last: Sequence[Term]) -> list[Term]:
    terms = [Term(columns[entry.key].sql, columns[entry.key].column, entry.descending) for entry in order]
    known = {term.column for term in terms}
    return [*terms, *(term for term in last if term.column not in known)]


def token_kinds(terms: Sequence[Term]) -> tuple[type, ...]:
    """Return the types in a position."""
    return tuple(int if term.column in _NUMBERS else str for term in terms)


def position_of(found: RegisteredModel | RegisteredVersion, terms: Sequence[Term]) -> list[Any]:
    """Return where something stands in an order, for the next page to start from."""
    return [getattr(found, term.column) for term in terms]


def search_models(st: Statements, *, teams: frozenset[str] | None, filters: Sequence[Comparison],
                  terms: Sequence[Term], position: Sequence[Any] | None, limit: int) -> list[RegisteredModel]:
    """Return a page of registered models that the teams may see (None: all)."""
    conditions = [in_teams("m.team", teams), *_filtered(filters, {"name": "m.name"}, _MODEL_TAG, st.postgres)]
    rows = _page(st, f"SELECT {models.COLUMNS} FROM registered_model m", conditions, terms, position, limit)
    return [RegisteredModel(*row) for row in rows]


def search_versions(st: Statements, *, teams: frozenset[str] | None, filters: Sequence[Comparison],
                    terms: Sequence[Term], position: Sequence[Any] | None, limit: int) -> list[RegisteredVersion]:
    """Return a page of versions of models that the teams may see (None: all)."""
    conditions = [in_teams("m.team", teams), *_filtered(filters, _VERSION_COLUMNS, _VERSION_TAG, st.postgres)]
    # CROSS JOIN keeps SQLite from starting with the models where an order or filter speaks of versions.
    rows = _page(st, f"SELECT {versions.COLUMNS} FROM registered_version v CROSS JOIN registered_model m",
                 [("m.name = v.name", []), *conditions], terms, position, limit)
    return [RegisteredVersion(*row) for row in rows]


def _page(st: Statements, sql: str, conditions: Sequence[Clause], terms: Sequence[Term],
          position: Sequence[Any] | None, limit: int) -> list[tuple[Any, ...]]:
    clauses = [*conditions] if position is None else [*conditions, after(terms, position)]
    return st.fetch_all(f"{sql} WHERE {' AND '.join(text for text, _ in clauses)} ORDER BY {order_sql(terms)} LIMIT ?",
                        [*(value for _, values in clauses for value in values), limit])


def _filtered(filters: Sequence[Comparison], columns: dict[str, str], tag: str, postgres: bool) -> list[Clause]:
    """Return the conditions of a filter. Models that are prompts stay out unless the filter asks for prompts: the
    clients' own filter says so in a way that, read as any other tag, would leave out every model without that tag."""
    prompts = [one for one in filters if one.kind == "tag" and one.key == PROMPT_TAG]
    asked = bool(prompts) and (prompts[0].op, str(prompts[0].value).lower()) in (("=", "true"), ("!=", "false"))
    found: list[Clause] = []
    if not asked:
        found.append((f"NOT EXISTS ({_MODEL_TAG} AND t.value = 'true')", [PROMPT_TAG]))
    for one in filters:
        if one.kind == "attribute":
            found.append(compared(columns[one.key], one.op, one.value, postgres=postgres))
        elif asked or one.key != PROMPT_TAG:
            text, values = compared("t.value", one.op, one.value, postgres=postgres)
            found.append((f"EXISTS ({tag} AND {text})", [one.key, *values]))
    return found
