"""Finding and calling a service's own function."""

from __future__ import annotations

import difflib
import importlib
import random
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from stellwerk_runner.failures import TaskError, UserError


class UsersCode:
    """Around users' code: whatever it raises comes out as UserError with the cause."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 frames: TracebackType | None) -> None:
        if isinstance(error, (Exception, SystemExit)):
            raise UserError(self._where) from error


def find(entry: str, bundle: Path) -> Callable[..., Any]:
    """Import ``module:function`` from the bundle folder.

    Raises UserError when the module itself raises and TaskError ``bad_entry`` when it lacks the function.
    """
    module_name, _, name = entry.partition(":")
    if not name:
        raise TaskError("bad_entry", f"{entry!r} is not of the form module:function.",
                        hint="For example service:train.")
    place = bundle.joinpath(*module_name.split("."))
    if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
        raise TaskError("bad_entry", f"The bundle has no file {module_name.replace('.', '/')}.py.",
                        hint=f"Write it, or name another file in the manifest than {entry!r}.")
    with UsersCode(f"{module_name}.py, while it was imported,"):
        module = importlib.import_module(module_name)
    found = getattr(module, name, None)
    if not callable(found):
        near = difflib.get_close_matches(name, [each for each in vars(module) if not each.startswith("_")], n=1)
        raise TaskError("bad_entry", f"{module_name}.py has no function {name}.",
                        hint=f"Did you mean {near[0]}?" if near else f"Define it: def {name}(…).")
    return found  # type: ignore[no-any-return]


def call(function: Callable[..., Any], where: str, *arguments: Any) -> Any:
    """Call a service's function; whatever it raises comes out as UserError with the cause."""
    with UsersCode(where):
        return function(*arguments)


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and polars' global generators, so that each fit starts from the same state."""
    import numpy as np
    import polars as pl

    random.seed(seed)
    np.random.seed(seed % 2**32)
    pl.set_random_seed(seed)
