"""The published JSON Schema of the manifest, for editors and other tools; ``python -m`` prints it."""

from __future__ import annotations

import json
import sys
from typing import Any

from stellwerk.manifest import parse
from stellwerk.manifest.model import GROUP_METRICS, METRICS, ROLES


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _text(limit: int = parse.TEXT_LENGTH) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": limit}


def _like(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^(?:{pattern})$", "maxLength": parse.TEXT_LENGTH}


def _texts(options: tuple[str, ...] | None = None) -> dict[str, Any]:
    items = {"enum": list(options)} if options else {"type": "string", "minLength": 1}
    return {"type": "array", "uniqueItems": True, "items": items}


def _gate() -> dict[str, Any]:
    return {
        **_closed({
            "metric": {"enum": [*METRICS, *GROUP_METRICS]}, "by": _text(), "at_least": {"type": "number"},
            "at_most": {"type": "number"}, "not_worse_than": {"enum": ["champion"]},
            "within": {"type": "number", "minimum": 0}, "judge": {"enum": ["interval", "point"]}}, ("metric",)),
        "oneOf": [{"required": [limit]} for limit in ("at_least", "at_most", "not_worse_than")],
        "dependentRequired": {"within": ["not_worse_than"]},
        "if": {"properties": {"metric": {"enum": list(GROUP_METRICS)}}},
        "then": {"required": ["by"], "properties": {"not_worse_than": False}},
        "else": {"properties": {"by": False}}}


def _data() -> dict[str, Any]:
    source = _closed({"contract": _like(parse.FILE), "source": _like(f"{parse.FUNCTION}|{parse.FILE}")},
                     ("contract", "source"))
    return {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": source,
            "propertyNames": {"pattern": f"^{parse.DATASET}$", "maxLength": parse.NAME_LENGTH}}


def _evaluate() -> dict[str, Any]:
    return {"not": {"required": ["folds", "holdout"]}, **_closed({
        "folds": {"type": "integer", "minimum": 2, "maximum": 20},
        "holdout": {"type": "number", "minimum": 0.05, "maximum": 0.5}, "by": {"enum": ["random"]},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "metrics": _texts(METRICS)})}


def _serve() -> dict[str, Any]:
    share = {"type": "number", "minimum": 0, "maximum": 1}
    between = {"type": "array", "items": share, "minItems": 2, "maxItems": 2, "uniqueItems": True}
    apart = [{"required": ["below", "review"]}, {"required": ["threshold", "review"]}]
    return {"not": {"anyOf": apart}, **_closed({
        "threshold": share, "below": {"enum": ["review", "reject"]},
        "review": _closed({"between": between}, ("between",)),
        "canary": {"type": "number", "minimum": parse.CANARY[0], "maximum": parse.CANARY[1]},
        "record": {"enum": ["sync", "buffered"]}})}


def _later() -> dict[str, Any]:
    schedule = _closed({"schedule": _like(parse.CRON)}, ("schedule",))
    performance = _closed({"metric": {"enum": list(METRICS)}, "outcome_within": _like(parse.DURATION)}, ("metric",))
    return {
        "monitor": _closed({"window": _like(parse.DURATION), "performance": performance,
                            "fairness": {"enum": list(parse.FAIRNESS)}}),
        "retrain": _closed({"on": {"type": "array", "items": {"anyOf": [{"enum": list(parse.OCCASIONS)}, schedule]}},
                            "release": {"enum": list(parse.RELEASE)}})}


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``stellwerk.yaml``.

    It says all but what one place asks of another: that ``by`` is protected, that a column has one role, that no
    gate stands twice, and the order of the bounds of ``between``.
    """
    name = {"type": "string", "pattern": f"^{parse.NAME}$", "maxLength": parse.NAME_LENGTH}
    four_eyes = {"required": ["approval"], "properties": {"approval": {"properties": {"four_eyes": {"const": True}}}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Stellwerk manifest",
        **_closed({
            "service": name, "title": _text(parse.LINE_LENGTH), "purpose": _text(), "team": name,
            "risk": {"enum": ["minimal", "limited", "high"]}, "environment": _like(parse.FILE), "data": _data(),
            "target": _text(parse.LINE_LENGTH), "positive": {"type": ["string", "number", "boolean"]},
            "subject": _text(parse.LINE_LENGTH), "protected": _texts(), "exclude": _texts(),
            "train": _like(parse.FUNCTION), "model": _like(parse.MODEL), "params": {"type": "object"},
            "evaluate": _evaluate(),
            "gates": {"type": "array", "items": _gate()},
            "approval": _closed({"roles": {**_texts(ROLES), "minItems": 1}, "four_eyes": {"type": "boolean"}},
                                ("roles",)),
            "serve": _serve(), "limits": _closed({"time": _like(parse.DURATION), "memory": _like(parse.MEMORY)}),
            **_later(),
        }, ("service", "title", "purpose", "team", "risk", "data", "target")),
        "oneOf": [{"required": ["train"]},
                  {"required": ["model"], "not": {"required": ["params"]}, "properties": {"evaluate": {
                      "not": {"anyOf": [{"required": ["folds"]}, {"required": ["holdout"]}]}}}}],
        "if": {"properties": {"risk": {"const": "high"}}}, "then": four_eyes,
    }


def published() -> str:
    """Return the schema as the text of the published file."""
    return json.dumps(manifest_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(published())
