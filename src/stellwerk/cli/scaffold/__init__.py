"""A new service from a data file: look at the data, write the files, measure a baseline for the gate."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stellwerk.kernel.errors import BadInput, Conflict

if TYPE_CHECKING:
    import polars as pl

    from stellwerk.cli.scaffold.baseline import Baseline
    from stellwerk.cli.scaffold.look import Look
    from stellwerk.cli.scaffold.write import Names

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NAME_LENGTH = 60
_FILE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "a"})


@dataclass(frozen=True)
class Scaffold:
    """What was written: the service, its files, what the data look found, and what deserves a second look."""

    service: str
    folder: Path
    files: tuple[str, ...]
    rows: int
    inputs: tuple[str, ...]
    excluded: dict[str, str]
    positive: Any
    baseline: Baseline
    notes: tuple[str, ...]


def write_service(folder: Path, data: Path, *, target: str, environments: Path, subject: str | None = None,
                  protected: Sequence[str] = (), team: str | None = None,
                  say: Callable[[str], None] = lambda words: None) -> Scaffold:
    """Write a service into a new folder, whose last part is the service's name; everything or nothing.

    ``environments`` is where the installation keeps locked environments; ``say`` gets a line on what goes on.
    Raises BadInput for names and data of which no service can be made, Conflict when the folder exists, Unavailable
    when the environment cannot be made.
    """
    from stellwerk.cli.scaffold.baseline import measure
    from stellwerk.cli.scaffold.look import look_at
    from stellwerk.cli.scaffold.write import Names, manifest
    from stellwerk.features.datasets import read_csv

    service = _check_name(folder.name, "NAME")
    if os.path.lexists(folder):
        raise Conflict(f"{folder} exists already; nothing was written.", field="NAME", value=str(folder),
                       hint="Choose another name, or move that folder away.")
    raw = read_csv(data, data.name)
    look = look_at(raw, data.name, target=target, subject=subject, protected=protected)
    say(f"{raw.height:,} rows, {raw.width} columns, {len(look.names('input'))} of them inputs")
    names = Names(service=service, team=_check_name(team or "default", "--team"),
                  dataset=slug(data.stem) or "data", file=_file_name(data))
    try:
        place = Path(tempfile.mkdtemp(prefix=f".{service}-", dir=folder.parent)).resolve()
    except OSError as error:
        raise BadInput(f"No folder can be made in {folder.parent}: {error.strerror}.", field="NAME",
                       value=str(folder), allowed="a folder that exists and can be written to") from None
    try:
        made = place / service
        frame = _write(made, data, look, names)
        say("measuring a first model by folds")
        baseline = measure(made, place, environments, look, frame)
        _put(made / "stellwerk.yaml", manifest(look, names, gate=baseline.limit, measured=baseline.words))
        files = _finish(made, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return Scaffold(
        service=service, folder=folder, files=files, rows=frame.height, inputs=tuple(look.names("input")),
        excluded={column.name: column.reason for column in look.columns if column.role == "excluded"},
        positive=look.target.positive, baseline=baseline, notes=_notes(look, baseline))


def _write(made: Path, data: Path, look: Look, names: Names) -> pl.DataFrame:
    """Write all but the manifest, and return the data as the platform will read them by the written contract."""
    from stellwerk.cli.scaffold import write
    from stellwerk.features.datasets import load_checked, separator_of
    from stellwerk.protocols.odcs import parse_contract

    for part in ("contracts", "data", "tests"):
        (made / part).mkdir(parents=True)
    shutil.copyfile(data, made / names.source)
    text = write.contract(look, names)
    _put(made / names.contract, text)
    _put(made / "tests" / "test_service.py", write.test(look, names, separator_of(data, data.name)))
    _put(made / "service.py", write.functions(look, names))
    return load_checked(made / names.source, data.name, parse_contract(text, names.contract))


def _finish(made: Path, folder: Path) -> tuple[str, ...]:
    """Check the written service as ``check`` does and move it to its place; returns its files."""
    from stellwerk.cli.local import check_local, load_local

    check_local(load_local(made))
    shutil.rmtree(made / "__pycache__", ignore_errors=True)
    files = tuple(sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()))
    if os.path.lexists(folder):
        raise Conflict(f"{folder} has come into being meanwhile; nothing was written.", field="NAME",
                       value=str(folder), hint="Choose another name, or move that folder away.")
    made.rename(folder)
    return files


def _notes(look: Look, baseline: Baseline) -> tuple[str, ...]:
    notes = list(look.notes)
    if not look.target.evident:
        notes.insert(0, f"{look.target.positive!r} counts as the positive label, being the rarer one; change "
                        "positive: in stellwerk.yaml if the other is meant")
    if baseline.value < baseline.limit:
        notes.append("the first model is no better than chance, so its own gate fails; better inputs are needed")
    return tuple(notes)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def slug(text: str) -> str:
    """Return the nearest name of lower-case words and hyphens, nothing where a text has neither letter nor digit."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain)
    while words and not words[0][0].isalpha():
        words.pop(0)
    return "-".join(words)[:_NAME_LENGTH].rstrip("-")


def _check_name(name: str, option: str) -> str:
    if len(name) <= _NAME_LENGTH and _NAME.fullmatch(name):
        return name
    near = slug(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name))
    raise BadInput(f"{name!r} cannot be the name of a {'team' if option == '--team' else 'service'}.", field=option,
                   value=name, allowed="lower-case words joined by hyphens, such as mortgage-decisions, at most "
                                       f"{_NAME_LENGTH} characters", hint=f"Use {near}." if near else None)


def _file_name(data: Path) -> str:
    if len(data.name) <= 100 and _FILE.fullmatch(data.name):
        return data.name
    return f"{slug(data.stem) or 'data'}.csv"
