"""Files of at most 500 lines and functions of at most 60; literals of tables are not counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tools.lint.finding import Finding, Source

FILE_LINES = 500
FUNCTION_LINES = 60
_LITERALS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Constant)


def _literal_lines(tree: ast.Module) -> int:
    """Return how many lines are literals at the top of a module: tables, SQL."""
    total = 0
    for node in tree.body:
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if isinstance(value, _LITERALS):
            total += (value.end_lineno or value.lineno) - value.lineno
    return total


def check(source: Source) -> Iterator[Finding]:
    """Yield files and functions that are too long; migrations are tables in another form."""
    if "migrations/versions" in source.path:
        return
    lines = source.text.count("\n") - _literal_lines(source.tree)
    if lines > FILE_LINES:
        yield source.found(1, f"{lines} lines, at most {FILE_LINES}: split the file by what it is about")
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield source.found(node, f"{node.name} has {length} lines, at most {FUNCTION_LINES}")
