"""What a check looks at and what it finds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, order=True)
class Finding:
    """One place that breaks a rule."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One Python file: its path below the repository and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; raises SyntaxError."""
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path."""
        return PurePosixPath(self.path).parts

    @property
    def package(self) -> str | None:
        """The package below ``stellwerk`` that the file belongs to, or None."""
        return self.parts[2] if self.parts[:2] == ("src", "stellwerk") and len(self.parts) > 3 else None

    @property
    def slice_name(self) -> str | None:
        """The feature slice that the file belongs to, or None."""
        return self.parts[3] if self.package == "features" and len(self.parts) > 4 else None

    def found(self, node: ast.AST | int, text: str) -> Finding:
        """Return a finding at a node or line."""
        return Finding(self.path, node if isinstance(node, int) else getattr(node, "lineno", 1), text)


@dataclass(frozen=True)
class Import:
    """One imported module or name, wherever it stands."""

    module: str
    names: tuple[str, ...]
    node: ast.AST
    in_function: bool


def imports(source: Source) -> Iterator[Import]:
    """Yield all imports of a file, with whether they stand inside a function."""
    def walk(node: ast.AST, inside: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, (), child, inside)
            elif isinstance(child, ast.ImportFrom) and child.module and not child.level:
                yield Import(child.module, tuple(alias.name for alias in child.names), child, inside)
            deeper = inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if not _is_type_checking(child):
                yield from walk(child, deeper)
    return walk(source.tree, False)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def read_sources(root: Path, *folders: str) -> list[Source]:
    """Return the Python files below folders of the repository."""
    return [Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
            for folder in folders for path in sorted((root / folder).rglob("*.py")) if "__pycache__" not in path.parts]
