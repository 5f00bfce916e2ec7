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
        source = self.manifest.data
        return () if source.is_function else (source.source,)


def load_local(folder: Path) -> LocalService:
    """Read the manifest of a folder; raises BadInput naming file, line, what was found and what is allowed."""
    from stellwerk.manifest import load_manifest

    return LocalService(folder=folder, manifest=load_manifest(folder / MANIFEST))


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


def check_local(local: LocalService) -> list[str]:
    """Check contract, columns, functions and files of a service without running it; returns what was found good.

    Raises BadInput for the first fault.
    """
    from stellwerk.protocols.odcs import parse_contract

    folder, manifest = local.folder, local.manifest
    found = [f"manifest: {manifest.service}, risk {manifest.risk}, {len(manifest.gates)} gates"]
    file = folder / manifest.data.contract
    if not file.is_file():
        raise BadInput(f"The contract {manifest.data.contract!r} does not exist.", field="contract",
                       value=manifest.data.contract, allowed=f"a file below {folder}")
    contract = parse_contract(_text_of(file, manifest.data.contract), manifest.data.contract)
    columns = [entry.name for entry in contract.properties]
    _check_columns(local, columns)
    found.append(f"contract: {len(columns)} columns, {len(manifest.inputs(columns))} of them inputs")
    if manifest.data.is_function:
        check_function(folder, "source", manifest.data.source)
    functions = [manifest.data.source] if manifest.data.is_function else []
    if manifest.train:
        check_function(folder, "train", manifest.train)
        functions.insert(0, manifest.train)
    if functions:
        found.append(f"functions: {', '.join(functions)}")
    if manifest.model:
        found.append(f"model: {manifest.model}, trained elsewhere")
    if manifest.environment is not None and not (folder / manifest.environment).is_file():
        raise BadInput(f"The lock file {manifest.environment!r} does not exist.", field="environment",
                       value=manifest.environment, allowed=f"a file below {folder}")
    if manifest.not_acted_on:
        found.append(f"understood, but not acted on yet: {', '.join(manifest.not_acted_on)}")
    return found


def _text_of(file: Path, name: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}.", field="contract", value=name,
                       allowed="a file that may be read") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8: byte {error.start}.", field="contract", value=name,
                       allowed="UTF-8") from None


def _check_columns(local: LocalService, columns: list[str]) -> None:
    manifest = local.manifest
    subject = (manifest.subject,) if manifest.subject else ()
    for field, names in (("target", (manifest.target,)), ("subject", subject), ("protected", manifest.protected),
                         ("exclude", manifest.exclude)):
        for name in names:
            if name not in columns:
                import difflib

                near = difflib.get_close_matches(name, columns, n=1)
                raise BadInput(f"{field} names the column {name!r}, which the contract does not have.", field=field,
                               value=name, allowed=columns, hint=f"Did you mean {near[0]}?" if near else None)
