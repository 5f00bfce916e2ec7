"""Reading YAML that people write: every fault with file, line, what was found, what is allowed, the nearest name."""

from __future__ import annotations

import difflib
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from stellwerk.kernel.errors import BadInput

_BYTES = 256 << 10
_DEPTH = 32


@dataclass
class Faults:
    """The faults found so far in one file."""

    file: str
    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, node: yaml.Node, path: str, message: str, *, value: Any = None, allowed: Any = None,
            hint: str | None = None) -> None:
        """Note a fault at a node."""
        line = node.start_mark.line + 1
        fault = {"file": self.file, "line": line, "field": path, "message": message, "value": value,
                 "allowed": allowed, "hint": hint}
        self.found.append({key: content for key, content in fault.items() if content is not None})

    def raise_any(self) -> None:
        """Raise BadInput for the first fault, with all of them in ``details``; return where there is none."""
        if not self.found:
            return
        first = self.found[0]
        more = f" (and {len(self.found) - 1} more)" if len(self.found) > 1 else ""
        raise BadInput(f"{self.file}, line {first['line']}: {first['field']}: {first['message']}{more}",
                       field=first["field"], value=first.get("value"), allowed=first.get("allowed"),
                       hint=first.get("hint"), details=self.found)


class _Loader(yaml.SafeLoader):
    """Plain values as YAML 1.2 reads them (core schema), as editors do.

    So a country NO, an answer yes and a time 1:30 stay text, 1e-3 is a number, and 010 is ten.
    """


_CORE = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
              "-+.0123456789"),
}
_OLD = tuple(f"tag:yaml.org,2002:{kind}" for kind in (*_CORE, "timestamp"))
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OLD]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), list(_first))


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def read(text: str, file: str) -> tuple[Section, Faults]:
    """Return the top mapping of a YAML text; raises BadInput where it is none or not YAML.

    Anchors, aliases, tags, doubled keys, several documents and more than 256 KiB are refused.
    """
    faults = Faults(file)
    if len(text.encode("utf-8", "replace")) > _BYTES:
        raise BadInput(f"{file}: larger than {_BYTES >> 10} KiB.", field=file, allowed=f"{_BYTES >> 10} KiB")
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise BadInput(f"{file}, line {line}: anchors and aliases are not read.",
                               field=file, hint="Write the content out.")
            if getattr(event, "tag", None) is not None:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise BadInput(f"{file}, line {line}: tags are not read.", field=file,
                               hint="Leave out what begins with an exclamation mark, or quote the text.")
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise BadInput(f"{file}{place}: not readable as YAML: {problem}", field=file) from None
    except RecursionError:
        raise BadInput(f"{file}: nested too deeply.", field=file, allowed=f"{_DEPTH} levels") from None
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(f"{file}: holds no mapping of names to values.", field=file, allowed="name: value lines")
    _check_nodes(node, faults, "", 0)
    return Section(node, "", faults), faults


def _check_nodes(node: yaml.Node, faults: Faults, path: str, depth: int) -> None:
    line = node.start_mark.line + 1
    if depth > _DEPTH:
        raise BadInput(f"{faults.file}, line {line}: nested too deeply.", field=faults.file,
                       allowed=f"{_DEPTH} levels")
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _check_nodes(item, faults, f"{path}[{index}]", depth + 1)
    elif isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadInput(f"{faults.file}, line {line}: keys are texts, this one is not.", field=faults.file,
                               allowed="name: value lines")
            below = f"{path}.{key.value}" if path else str(key.value)
            if key.value in names:
                faults.add(key, below, "stands twice", value=key.value)
            names.add(key.value)
            _check_nodes(value, faults, below, depth + 1)


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    loader = _Loader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        return node.value
    finally:
        loader.dispose()


def is_number(value: Any) -> bool:
    """Return whether a value is a number that a float can hold: no truth value, not endless, not NaN."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def nearest(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that is closest to a misspelt one, or None."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return found[0] if found else None


def _did_you_mean(name: str, known: Sequence[str]) -> str | None:
    close = nearest(name, known)
    return f"Did you mean {close}?" if close else None


class Section:
    """A mapping in the file; reading a key marks it as known, and ``finish`` names those that nobody knows."""

    def __init__(self, node: yaml.MappingNode, path: str, faults: Faults) -> None:
        self.node = node
        self.path = path
        self.faults = faults
        self._values: dict[str, yaml.Node] = {}
        self._keys: dict[str, yaml.Node] = {}
        self._known: list[str] = []
        for key, value in node.value:
            self._keys[str(key.value)] = key
            self._values[str(key.value)] = value

    def at(self, name: str) -> str:
        """Return the dotted path of a key in this section."""
        return f"{self.path}.{name}" if self.path else name

    def __contains__(self, name: str) -> bool:
        return self.look(name) is not None

    def names(self) -> list[str]:
        """Return the keys that stand in the section, in order."""
        return list(self._values)

    def look(self, name: str) -> yaml.Node | None:
        """Return the node of a key and mark the key as known; None where it is absent or null."""
        if name not in self._known:
            self._known.append(name)
        node = self._values.get(name)
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return None
        return node

    def fault(self, name: str, message: str, *, allowed: Any = None, hint: str | None = None) -> None:
        """Note a fault at a key, or at the section where the key is absent."""
        node = self._values.get(name, self.node)
        self.faults.add(node, self.at(name), message, value=_plain(node) if name in self._values else None,
                        allowed=allowed, hint=hint)

    def finish(self) -> None:
        """Note each key that nobody asked for."""
        for name, key in self._keys.items():
            if name not in self._known:
                self.faults.add(key, self.at(name), "is not known here", value=name, allowed=sorted(self._known),
                                hint=_did_you_mean(name, self._known))

    def _required(self, name: str, required: bool, allowed: Any) -> yaml.Node | None:
        node = self.look(name)
        if node is None and required:
            self.fault(name, "is missing", allowed=allowed)
        return node

    def text(self, name: str, default: str = "", *, required: bool = False, pattern: str = r".+",
             allowed: str = "text", limit: int = 4000) -> str:
        """Return a text that matches ``pattern`` as a whole."""
        node = self._required(name, required, allowed)
        if node is None:
            return default
        value = _plain(node)
        good = isinstance(value, str) and len(value) <= limit and re.fullmatch(pattern, value, re.DOTALL)
        if not good:
            self.fault(name, "is not what may stand here", allowed=allowed)
            return default
        return str(value)

    def choice(self, name: str, options: Sequence[str], default: str = "", *, required: bool = False) -> str:
        """Return one of the options."""
        node = self._required(name, required, list(options))
        if node is None:
            return default
        value = _plain(node)
        if value not in options:
            self.fault(name, "is none of the allowed values", allowed=list(options),
                       hint=_did_you_mean(str(value), options))
            return default
        return str(value)

    def number(self, name: str, default: float | None = None, *, required: bool = False, low: float = -math.inf,
               high: float = math.inf, allowed: str = "a number") -> float | None:
        """Return a finite number between low and high, both included."""
        node = self._required(name, required, allowed)
        if node is None:
            return default
        value = _plain(node)
        if not is_number(value) or not low <= value <= high:
            self.fault(name, "is out of what may stand here", allowed=allowed)
            return default
        return float(value)

    def integer(self, name: str, default: int, *, low: int, high: int, required: bool = False) -> int:
        """Return a whole number between low and high, both included."""
        allowed = f"a whole number from {low} to {high}"
        node = self._required(name, required, allowed)
        if node is None:
            return default
        value = _plain(node)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fault(name, "is out of what may stand here", allowed=allowed)
            return default
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        node = self.look(name)
        if node is None:
            return default
        value = _plain(node)
        if not isinstance(value, bool):
            self.fault(name, "is not a truth value", allowed=["true", "false"])
            return default
        return value

    def section(self, name: str, *, required: bool = False) -> Section | None:
        """Return the mapping under a key."""
        node = self._required(name, required, "a mapping")
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.fault(name, "is not a mapping", allowed="name: value lines")
            return None
        return Section(node, self.at(name), self.faults)

    def entries(self, name: str, allowed: str) -> Iterator[Section | Any]:
        """Yield what stands in a list under a key: a section for each mapping, plain values for the rest."""
        node = self.look(name)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.fault(name, "is not a list", allowed=allowed)
            return
        for index, item in enumerate(node.value):
            if isinstance(item, yaml.MappingNode):
                yield Section(item, f"{self.at(name)}[{index}]", self.faults)
            else:
                yield _plain(item)

    def fault_in(self, name: str, index: int, message: str, *, allowed: Any = None, hint: str | None = None) -> None:
        """Note a fault at one entry of a list under a key."""
        item = self._values[name].value[index]
        self.faults.add(item, f"{self.at(name)}[{index}]", message, value=_plain(item), allowed=allowed, hint=hint)

    def sections(self, name: str) -> Iterator[Section]:
        """Yield the mappings of a list under a key."""
        for index, entry in enumerate(self.entries(name, "a list of mappings")):
            if isinstance(entry, Section):
                yield entry
            else:
                self.fault_in(name, index, "is not a mapping", allowed="name: value lines")

    def texts(self, name: str, *, options: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of texts without repetitions, each one of the options where given."""
        node = self.look(name)
        if node is None:
            return ()
        values = _plain(node)
        if not isinstance(values, list) or any(not isinstance(value, str) or not value for value in values):
            self.fault(name, "is not a list of texts", allowed=list(options) if options else "[text, …]")
            return ()
        for index, value in enumerate(values):
            if value in values[:index]:
                self.fault_in(name, index, "stands twice")
            elif options is not None and value not in options:
                self.fault_in(name, index, "is none of the allowed values", allowed=list(options),
                              hint=_did_you_mean(value, options))
        return tuple(values)

    def anything(self, name: str) -> Any:
        """Return whatever plain value stands under a key, None where it is absent."""
        node = self.look(name)
        return None if node is None else _plain(node)
