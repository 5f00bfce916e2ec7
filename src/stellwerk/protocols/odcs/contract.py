"""The parts of an Open Data Contract (version 3.0 to 3.2, YAML) that the platform acts on.

One schema object with its properties; logical types, nullability, uniqueness, ranges, patterns, enumerations;
library rules and one custom rule (``engine: stellwerk``, ``between``) for ranges that only warn. Sections of the
standard about people, prices and servers are accepted and left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from stellwerk.kernel.patterns import compile_pattern
from stellwerk.kernel.yaml_source import Section, is_number, read

LogicalType = Literal["string", "integer", "number", "boolean", "date", "timestamp"]
Severity = Literal["error", "warning"]
TYPES = ("string", "integer", "number", "boolean", "date", "timestamp")
METRICS = ("nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount")
_OF_TABLES = ("rowCount", "duplicateValues")
BOUNDS = ("mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan",
          "mustBeLessOrEqualTo", "mustBeBetween", "mustNotBeBetween")
_OTHER = ("version", "id", "name", "status", "tenant", "domain", "dataProduct", "tags", "servers", "price", "team",
          "roles", "support", "slaProperties", "slaDefaultElement", "authoritativeDefinitions", "contractCreatedTs",
          "customProperties", "description", "context")
_OTHER_OBJECT = ("id", "physicalName", "physicalType", "description", "businessName", "authoritativeDefinitions",
                 "tags", "dataGranularityDescription", "customProperties", "relationships", "logicalType",
                 "context", "deprecated", "synonyms")
_OTHER_PROPERTY = ("id", "physicalName", "physicalType", "partitioned", "partitionKeyPosition", "criticalDataElement",
                   "primaryKeyPosition", "classification", "encryptedName", "transformSourceObjects",
                   "transformLogic", "transformDescription", "examples", "authoritativeDefinitions", "tags",
                   "relationships", "deprecated", "synonyms", "semanticType")
_OTHER_QUALITY = ("id", "dimension", "method", "businessImpact", "customProperties", "tags",
                  "authoritativeDefinitions",
                  "schedule", "scheduler", "unit")


@dataclass(frozen=True)
class Quality:
    """One quality rule: a library metric with its bound, or a range that only warns."""

    name: str
    column: str | None
    metric: str
    severity: Severity
    bounds: dict[str, Any]
    arguments: dict[str, Any]
    percent: bool = False
    description: str = ""


@dataclass(frozen=True)
class Property:
    """One column as the contract states it; limits here are rules of severity error."""

    name: str
    type: LogicalType
    required: bool
    unique: bool
    primary_key: bool
    description: str
    business_name: str
    unit: str | None
    minimum: float | None
    maximum: float | None
    min_length: int | None
    max_length: int | None
    pattern: str | None
    enum: tuple[Any, ...] | None


@dataclass(frozen=True)
class Contract:
    """A data contract of one table."""

    name: str
    version: str
    properties: tuple[Property, ...]
    quality: tuple[Quality, ...]
    text: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns in their order."""
        return tuple(entry.name for entry in self.properties)

    def column(self, name: str) -> Property:
        """Return a column by its name; raises KeyError."""
        for entry in self.properties:
            if entry.name == name:
                return entry
        raise KeyError(name)


def parse_contract(text: str, file: str) -> Contract:
    """Read a contract; raises BadInput naming file, line, what was found and what is allowed."""
    top, faults = read(text, file)
    for name in _OTHER:
        top.look(name)
    top.choice("kind", ("DataContract",), "DataContract", required=True)
    top.text("apiVersion", "v3.1.0", required=True, pattern=r"v3\.\d+\.\d+", allowed="v3.0.0 to v3.2.0")
    objects = list(top.sections("schema"))
    if len(objects) != 1:
        top.fault("schema", f"holds {len(objects)} tables", allowed="one table")
    properties: list[Property] = []
    quality: list[Quality] = []
    for table in objects[:1]:
        _read_table(table, properties, quality)
    top.finish()
    faults.raise_any()
    return Contract(name=str(top.anything("name") or top.anything("id") or objects[0].anything("name") or file),
                    version=str(top.anything("version") or "1.0.0"), properties=tuple(properties),
                    quality=tuple(quality), text=text)


def _read_table(table: Section, properties: list[Property], quality: list[Quality]) -> None:
    for name in _OTHER_OBJECT:
        table.look(name)
    table.text("name", required=True)
    for entry in table.sections("properties"):
        made = _read_property(entry, quality)
        # The lake tells names apart by more than capital letters only.
        if any(made.name.lower() == other.name.lower() for other in properties):
            entry.fault("name", "stands twice, capital letters aside", allowed="a name of its own for each column")
        properties.append(made)
    if not properties:
        table.fault("properties", "names no column", allowed="a list of columns")
    quality.extend(_read_quality(entry, None) for entry in table.sections("quality"))
    table.finish()


def _read_property(entry: Section, quality: list[Quality]) -> Property:
    for name in _OTHER_PROPERTY:
        entry.look(name)
    name = entry.text("name", required=True, limit=200)
    kind = entry.choice("logicalType", TYPES, "string", required=True)
    options = entry.section("logicalTypeOptions")
    low = high = None
    short = long = None
    pattern = None
    if options is not None:
        if kind in ("integer", "number"):
            low, high = options.number("minimum"), options.number("maximum")
            options.look("format")
        elif kind == "string":
            short = options.integer("minLength", 0, low=0, high=1 << 20) if "minLength" in options else None
            long = options.integer("maxLength", 0, low=0, high=1 << 20) if "maxLength" in options else None
            pattern = options.text("pattern") or None
            options.look("format")
            _check_pattern(options, pattern)
        else:
            options.look("format")
        options.finish()
    quality.extend(_read_quality(rule, name, kind in ("integer", "number")) for rule in entry.sections("quality"))
    made = Property(
        name=name, type=kind, required=entry.flag("required", False),  # type: ignore[arg-type]
        unique=entry.flag("unique", False), primary_key=entry.flag("primaryKey", False),
        description=entry.text("description"), business_name=entry.text("businessName"), unit=_unit(entry),
        minimum=low, maximum=high, min_length=short, max_length=long, pattern=pattern, enum=_enum(entry, kind))
    entry.finish()
    return made


def _check_pattern(options: Section, pattern: str | None) -> None:
    fault = fault_of_pattern(pattern or "")
    if fault:
        options.fault("pattern", f"is no regular expression: {fault}")


def fault_of_pattern(pattern: str) -> str | None:
    """Return what is wrong with a pattern, or None; what looks around or back is refused."""
    try:
        compile_pattern(pattern)
    except ValueError as error:
        return str(error)
    return None


def _unit(entry: Section) -> str | None:
    unit = None
    for custom in entry.sections("customProperties"):
        if custom.anything("property") == "unit":
            unit = str(custom.anything("value"))
    return unit


def _enum(entry: Section, kind: str) -> tuple[Any, ...] | None:
    values = entry.anything("enum")
    if values is None:
        return None
    if not isinstance(values, list) or not values:
        entry.fault("enum", "is not a list of values", allowed="[value, …] or [{value: …}, …]")
        return None
    found = tuple(value.get("value") if isinstance(value, dict) else value for value in values)
    numeric = kind in ("integer", "number")
    if kind == "boolean" or not all(is_number(value) if numeric else isinstance(value, str) for value in found):
        # Requests and tables are held against it alike, so its values have the column's type.
        entry.fault("enum", f"does not fit a column of the type {kind}", allowed="numbers" if numeric else
                    "no enum for a truth value" if kind == "boolean" else "texts, numbers among them quoted")
        return None
    return found


def _read_quality(entry: Section, column: str | None, numeric: bool = False) -> Quality:
    for name in _OTHER_QUALITY:
        entry.look(name)
    if "rule" in entry:
        entry.fault("rule", "is the word of version 3.0", allowed="metric: with one of " + ", ".join(METRICS))
    kind = entry.choice("type", ("library", "custom", "text"), "library")
    severity = entry.choice("severity", ("error", "warning"), "error")
    bounds: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    metric = "text"
    if kind == "library":
        metric = entry.choice("metric", METRICS, "nullValues", required=True)
        bounds = _bounds(entry)
        arguments = _arguments(entry, metric)
        _check_place(entry, metric, column)
    elif kind == "custom":
        metric = "between"
        entry.choice("engine", ("stellwerk",), "stellwerk", required=True)
        arguments = _between(entry)
        if not numeric:
            entry.fault("implementation", "is a range, but no number stands here", allowed="a column of numbers")
    made = Quality(name=entry.text("name") or f"{column or 'table'}: {metric}", column=column, metric=metric,
                   severity=severity, bounds=bounds, arguments=arguments,  # type: ignore[arg-type]
                   percent=entry.anything("unit") == "percent", description=entry.text("description"))
    entry.finish()
    return made


def _bounds(entry: Section) -> dict[str, Any]:
    bounds = {name: entry.anything(name) for name in BOUNDS if name in entry}
    for name, value in list(bounds.items()):
        pair = name.endswith("Between")
        numbers = value if pair and isinstance(value, list) else [value]
        if len(numbers) != (2 if pair else 1) or not all(map(is_number, numbers)):
            entry.fault(name, "is no bound", allowed="[low, high]" if pair else "a number")
            del bounds[name]
    if not any(name in entry for name in BOUNDS):
        entry.fault("metric", "has no bound", allowed=list(BOUNDS))
    return bounds


def _check_place(entry: Section, metric: str, column: str | None) -> None:
    if column is None and metric not in _OF_TABLES:
        entry.fault("metric", "is about one column, but stands at the table", allowed=list(_OF_TABLES))
    if column is not None and metric == "rowCount":
        entry.fault("metric", "is about the table, but stands at a column",
                    allowed=[name for name in METRICS if name != "rowCount"])


def _arguments(entry: Section, metric: str) -> dict[str, Any]:
    value = entry.anything("arguments") or {}
    if not isinstance(value, dict):
        entry.fault("arguments", "is not a mapping", allowed="{validValues: […]} or {pattern: …}")
        return {}
    for name in value:
        if name not in ("validValues", "pattern", "missingValues", "properties"):
            entry.fault("arguments", f"{name!r} is not known", allowed=["validValues", "pattern", "missingValues",
                                                                       "properties"])
    for name in ("validValues", "missingValues", "properties"):
        if name in value and (not isinstance(value[name], list) or not value[name]):
            entry.fault("arguments", f"{name} is not a list of values", allowed=f"{{{name}: [value, …]}}")
            return {}
    if "pattern" in value:
        fault = fault_of_pattern(str(value["pattern"]))
        if fault:
            entry.fault("arguments", f"pattern is no regular expression: {fault}")
    if metric == "invalidValues" and "validValues" not in value and "pattern" not in value:
        entry.fault("arguments", "say not what is valid", allowed="{validValues: […]} or {pattern: …}")
    return value


def _between(entry: Section) -> dict[str, Any]:
    implementation = entry.anything("implementation")
    bounds = implementation.get("between") if isinstance(implementation, dict) else None
    good = isinstance(bounds, list) and len(bounds) == 2 and all(map(is_number, bounds)) and bounds[0] <= bounds[1]
    if not good:
        entry.fault("implementation", "is not a range", allowed="{between: [low, high]}")
        return {"between": [0, 0]}
    return {"between": bounds}
