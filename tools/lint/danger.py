"""What must not stand in this code: unpickling, shells, broad excepts, foreign ML libraries outside of engines."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tools.lint.finding import Finding, Import, Source, imports

_UNPICKLING = frozenset({"pickle", "cPickle", "joblib", "cloudpickle", "dill", "marshal", "shelve", "skops"})
_ML = frozenset({"onnx", "onnxruntime", "skl2onnx", "onnxmltools", "sklearn", "scipy", "shap", "fairlearn", "lightgbm",
                 "xgboost", "catboost", "torch", "transformers", "statsmodels", "vl_convert"})
_REQUESTS = frozenset({"httpx", "httpcore", "h11", "requests", "aiohttp", "urllib3", "urllib.request", "http.client"})
# Runs when the project is set up, never in a process of the platform.
_AT_BUILD_TIME = frozenset({"src/stellwerk/uikit/bundle.py"})
_GATE = "src/stellwerk/infra/outbound/"
_VERIFIER_MAY = frozenset({"cryptography"}) | sys.stdlib_module_names
_CALLS = {"eval": "eval", "exec": "exec", "os.system": "a shell", "os.popen": "a shell", "yaml.load": "yaml.load",
          "yaml.unsafe_load": "yaml.unsafe_load", "yaml.full_load": "yaml.full_load"}
_MARKS = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b|#\s*type:\s*ignore(?!\[)")
# The edges of a process, where any fault must become a record instead of the end: (file, function).
BROAD_ALLOWED = frozenset({
    ("src/stellwerk/infra/http/raw/app.py", "_serve"),
    ("src/stellwerk/infra/tracking_database/group_commit.py", "_serve"),
    ("src/stellwerk/infra/tracking_database/group_commit.py", "_commit"),
    ("src/stellwerk/infra/tracking_database/group_commit.py", "_undo"),
    ("src/stellwerk/infra/tracking_database/group_commit.py", "_undo_one"),
    # Loops that go on for the life of a process.
    ("src/stellwerk/apps/sealing.py", "_note_runs"),
    ("src/stellwerk/apps/sealing.py", "_seal"),
    ("src/stellwerk/features/releases/publishing.py", "keep_published"),
    ("src/stellwerk/features/runs/sealing.py", "_sealed"),
    ("src/stellwerk/features/webhooks/delivery.py", "keep_delivering"),
    ("src/stellwerk/infra/tracking_database/database.py", "_give_back"),
    ("src/stellwerk/features/jobs/run_step.py", "run_step"),
    ("src/stellwerk/gateway/app.py", "__call__"),
    ("src/stellwerk_runner/__main__.py", "_run"),
})


def check(source: Source) -> Iterator[Finding]:
    """Yield what must not stand here."""
    if source.parts[:1] != ("src",):
        return
    ours = source.package is not None
    for found in imports(source):
        root = found.module.split(".")[0]
        if ours and root in _UNPICKLING:
            yield source.found(found.node, f"imports {root}: nothing of the platform unpickles")
        if ours and root in _ML and not (source.package == "engines" and found.in_function) and (
                source.path not in _AT_BUILD_TIME):
            yield source.found(found.node, f"imports {root}: only modules of engines do, inside of functions")
        if _sends(found) and source.package not in ("client", "cli") and not source.path.startswith(_GATE):
            yield source.found(found.node, f"imports {found.module}: requests to others pass infra.outbound only")
        if source.package == "verifier" and root not in _VERIFIER_MAY:
            yield source.found(found.node, f"imports {root}: the verifier runs alone, with cryptography only")
    # Users' code and its functions are loaded by the runner; that is its purpose.
    if ours:
        yield from _calls(source)
    yield from _excepts(source)
    for number, line in enumerate(source.text.splitlines(), 1):
        if _MARKS.search(line):
            yield source.found(number, "a mark of something unfinished, or an ignore without its code")


def _sends(found: Import) -> bool:
    names = {found.module, *(f"{found.module}.{name}" for name in found.names)}
    return found.module.split(".")[0] in _REQUESTS or bool(names & _REQUESTS)


def _calls(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in _CALLS:
            yield source.found(node, f"calls {_CALLS[name]}")
        for keyword in node.keywords:
            if keyword.arg in ("shell", "allow_pickle") and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False):
                yield source.found(node, f"passes {keyword.arg}")


def _excepts(source: Source) -> Iterator[Finding]:
    def walk(node: ast.AST, function: str) -> Iterator[Finding]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
            if isinstance(child, ast.ExceptHandler) and _is_broad(child) and not _raises(child) and (
                    source.path, function) not in BROAD_ALLOWED:
                yield source.found(child, "catches everything: name the errors, or raise again")
            yield from walk(child, inside)
    return walk(source.tree, "")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in types)


def _raises(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
