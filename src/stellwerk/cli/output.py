"""What commands print: errors, tables, facts; colour only on a terminal, control characters never."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from stellwerk.kernel.errors import StellwerkError

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# The lamps of the signal board: they differ by shape as well as by colour.
LAMPS = {
    "pass": ("●", "green"), "champion": ("●", "green"), "approve": ("●", "green"), "ready": ("●", "green"),
    "undecided": ("▲", "yellow"), "canary": ("◔", "blue"), "approved": ("◔", "blue"), "candidate": ("▲", "yellow"),
    "fail": ("■", "red"), "reject": ("■", "red"), "rejected": ("■", "red"), "retired": ("○", None),
    "not_applicable": ("○", None), "selected": ("●", "green"), "review": ("▲", "yellow"),
}


def clean(text: object) -> str:
    """Return a text without control and direction characters, so that it cannot steer the terminal."""
    return _CONTROL.sub("", str(text))


def lamp(word: object) -> str:
    """Return a state as lamp and word."""
    sign, colour = LAMPS.get(str(word), ("○", None))
    return click.style(sign, fg=colour) + " " + clean(word).replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (list, tuple)) and all(isinstance(entry, (str, int, float)) for entry in value):
        return ", ".join(map(clean, value))
    return clean(json.dumps(value, ensure_ascii=False, default=str))


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def print_error(error: StellwerkError, *, as_json: bool) -> None:
    """Print an error: one sentence, then what was found, what is allowed and the way out."""
    if as_json:
        print_json(error.body())
        return
    click.echo(click.style("error: ", fg="red", bold=True) + clean(error.message), err=True)
    for name in ("field", "value", "allowed", "hint"):
        content = getattr(error, name)
        if content is not None:
            click.echo(f"  {name:<8} {_value(content)}", err=True)
    print_details(error.details)


def print_details(details: Any) -> None:
    """Print what else an error says, a line each."""
    if details is None:
        return
    if isinstance(details, str):
        for line in details.splitlines()[-30:]:
            click.echo(click.style(f"  | {clean(line)}", dim=True), err=True)
    elif isinstance(details, (list, tuple)):
        # Of the faults of a file, the first stands above already.
        faults = [entry for entry in details if isinstance(entry, Mapping) and "line" in entry]
        for entry in (faults[1:] if faults else details)[:30]:
            click.echo(f"  - {_fault(entry) if faults else _value(_words(entry))}", err=True)
    elif isinstance(details, Mapping):
        for name, content in list(details.items())[:30]:
            click.echo(f"  {clean(name)}: {_value(content)}", err=True)


def _words(entry: Any) -> Any:
    return entry["message"] if isinstance(entry, Mapping) and "message" in entry else entry


def _fault(entry: Mapping[str, Any]) -> str:
    words = f"line {entry['line']}: {entry.get('field')}: {entry.get('message')}"
    if "value" in entry:
        words += f", found {_value(entry['value'])}"
    if "allowed" in entry:
        words += f"; allowed: {_value(entry['allowed'])}"
    return clean(words + (f". {entry['hint']}" if "hint" in entry else ""))


def facts(rows: Sequence[tuple[str, object]]) -> None:
    """Print names and values below each other; a value of None is left out."""
    shown = [(name, value) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"  {name:<{width}}  {value}")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; columns whose cells are all numbers stand right-aligned."""
    cells = [[str(cell) if cell is not None else "" for cell in row] for row in rows]
    widths = [max([len(title), *(len(click.unstyle(row[at])) for row in cells)]) for at, title in enumerate(head)]
    right = [bool(rows) and all(isinstance(row[at], (int, float)) for row in rows) for at in range(len(head))]
    click.echo("  " + click.style("  ".join(_pad(title, widths[at], right[at]) for at, title in enumerate(head)),
                                  dim=True).rstrip())
    for row in cells:
        click.echo("  " + "  ".join(_pad(cell, widths[at], right[at]) for at, cell in enumerate(row)).rstrip())


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - len(click.unstyle(text)))
    return space + text if right else text + space


def number(value: object, digits: int = 3) -> str:
    """Return a number in a readable form, anything else as text, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return clean(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"


def value(content: object) -> str:
    """Return a value of an input as people write it: no digits that only the machine's arithmetic put there."""
    return f"{content:.6g}" if isinstance(content, float) else clean(content)


def short(digest: object) -> str:
    """Return a hash shortened in the middle."""
    text = clean(digest)
    return text if len(text) <= 14 else f"{text[:8]}…{text[-4:]}"


def moment(text: object) -> str:
    """Return an ISO time to the second."""
    return clean(text)[:19].replace("T", " ") if text else ""
