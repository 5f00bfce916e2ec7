"""Slices keep to themselves: their tables, their transactions, their insides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.lint.finding import Finding, Import, Source, imports

_FEATURES = "stellwerk.features."
_STATEMENTS = frozenset({"select", "insert", "update", "delete", "text", "union", "union_all", "exists"})
_TRANSACTIONS = frozenset({"commit", "rollback", "begin"})
# Modules that every slice has; a name among them is a module, not something that a face exports.
_MODULES = frozenset({"tables", "api", "pages", "jobs", "panels", "repository", "service"})
# Where tables of all slices are handled by their declaration, not by their meaning.
_SQL_ELSEWHERE = frozenset({"src/stellwerk/features/ledger/state.py"})


def _insides(found: Import) -> tuple[str, str] | None:
    """Return slice and module when an import reaches into a slice, past its face."""
    parts = found.module.removeprefix(_FEATURES).split(".")
    if not found.module.startswith(_FEATURES):
        return None
    if len(parts) > 1:
        return parts[0], parts[1]
    taken = [name for name in found.names if name in _MODULES]
    return (parts[0], taken[0]) if taken else None


def check(source: Source) -> Iterator[Finding]:
    """Yield uses of another slice's insides, SQL outside of repositories, and transactions of slices' own."""
    if source.package is None:
        return
    for found in imports(source):
        reached = _insides(found)
        if reached is None or reached[0] == source.slice_name:
            continue
        # A composition root puts the parts of slices together; that is all it does.
        if source.package == "apps":
            continue
        yield source.found(found.node, f"reaches into the slice {reached[0]} ({reached[1]}): import what its package "
                                       "exports, or export it there")
    if source.slice_name is not None:
        yield from _sql(source)
        yield from _transactions(source)


def _sql(source: Source) -> Iterator[Finding]:
    if source.parts[-1] in ("repository.py", "tables.py", "tracking_repository.py", "tracking_tables.py") or (
            source.parts[-2] == "repository") or source.path in _SQL_ELSEWHERE:
        return
    for found in imports(source):
        taken = _STATEMENTS.intersection(found.names)
        if found.module.split(".")[0] == "sqlalchemy" and taken:
            yield source.found(found.node, f"builds SQL ({', '.join(sorted(taken))}): only the slice's repository.py "
                                           "touches its tables")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in (
                "execute", "exec_driver_sql", "scalar", "scalars", "fetch_all", "fetch_one", "fetch_value", "modify",
                "modify_many"):
            yield source.found(node, f"runs SQL (.{node.func.attr}): only the slice's repository.py touches its tables")


def _transactions(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TRANSACTIONS and (
                ast.unparse(node.func.value) != "service"):
            yield source.found(node, f".{node.func.attr}() in a slice: the request or the job step commits")
