"""A service as it lies in its folder, looked at without the platform and without running its code."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stellwerk.client.bundle import MANIFEST
from stellwerk.kernel.errors import BadInput

if TYPE_CHECKING:
    from stellwerk.manifest import Manifest


@dataclass(frozen=True)
class LocalService:
    """The folder of a service and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def data_files(self) -> tuple[str, ...]:
        """The data files that the manifest names as sources."""
        return tuple(entry.source for entry in self.manifest.data.values() if _is_file(entry.source))


def _is_file(source: str) -> bool:
    return ":" not in source


def load_local(folder: Path) -> LocalService:
    """Read the manifest of a folder; raises BadInput naming file, line, what was found and what is allowed."""
    from stellwerk.manifest import parse_manifest

    file = folder / MANIFEST
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8: byte {error.start}.", field=str(file), allowed="UTF-8 text") from None
    return LocalService(folder=folder, manifest=parse_manifest(text, str(file)))


def function_names(file: Path) -> dict[str, int]:
    """Return the functions of a Python file with their lines, without running it; raises BadInput for bad syntax."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise BadInput(f"{file}{line} is no Python: {error}", field=str(file), allowed="Python source") from None
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found[node.name] = node.lineno
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node.lineno for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id: node.lineno for target in node.targets if isinstance(target, ast.Name)}
    return found


def check_function(folder: Path, field: str, reference: str) -> None:
    """Check that ``module:function`` names a function in the folder; raises BadInput with the closest name."""
    module, _, name = reference.partition(":")
    file = folder / (module.replace(".", "/") + ".py")
    if not file.is_file():
        raise BadInput(f"{field} names the module {module!r}, but there is no {file.name} in {folder}.", field=field,
                       value=reference, allowed=sorted(path.stem for path in folder.glob("*.py")))
    known = function_names(file)
    if name not in known:
        import difflib

        near = difflib.get_close_matches(name, known, n=1)
        raise BadInput(f"{field} names the function {name!r}, but {file.name} has none of that name.", field=field,
                       value=reference, allowed=sorted(known),
                       hint=f"Did you mean {module}:{near[0]}?" if near else None)
