"""The published JSON Schema of the manifest, for editors and other tools."""

from __future__ import annotations

from typing import Any

from stellwerk.manifest.model import GROUP_METRICS, METRICS, ROLES
from stellwerk.manifest.parse import FILE, FUNCTION, NAME


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _texts(options: tuple[str, ...] | None = None) -> dict[str, Any]:
    items: dict[str, Any] = {"type": "string", "minLength": 1}
    return {"type": "array", "uniqueItems": True, "items": items | ({"enum": list(options)} if options else {})}


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``stellwerk.yaml``."""
    text = {"type": "string", "minLength": 1}
    name = {"type": "string", "pattern": f"^{NAME}$", "maxLength": 60}
    file = {"type": "string", "pattern": f"^{FILE}$"}
    source = {"type": "string", "pattern": f"^(?:{FUNCTION}|{FILE})$"}
    share = {"type": "number", "minimum": 0, "maximum": 1}
    gate = _closed({
        "metric": {"enum": [*METRICS, *GROUP_METRICS]}, "by": text, "at_least": {"type": "number"},
        "at_most": {"type": "number"}, "not_worse_than": {"enum": ["champion"]},
        "within": {"type": "number", "minimum": 0}, "judge": {"enum": ["interval", "point"]}}, ("metric",))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Stellwerk manifest",
        **_closed({
            "service": name, "title": text, "purpose": text, "team": name,
            "risk": {"enum": ["minimal", "limited", "high"]}, "environment": file,
            "data": {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": _closed(
                {"contract": file, "source": source}, ("contract", "source"))},
            "target": text, "positive": {"type": ["string", "number", "boolean"]}, "subject": text,
            "protected": _texts(), "exclude": _texts(), "train": {"type": "string", "pattern": f"^{FUNCTION}$"},
            "params": {"type": "object"},
            "evaluate": _closed({
                "folds": {"type": "integer", "minimum": 2, "maximum": 20},
                "holdout": {"type": "number", "minimum": 0.05, "maximum": 0.5}, "by": {"enum": ["random"]},
                "seed": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "metrics": _texts(METRICS)}),
            "gates": {"type": "array", "items": gate},
            "approval": _closed({"roles": {**_texts(ROLES), "minItems": 1}, "four_eyes": {"type": "boolean"}},
                                ("roles",)),
            "serve": _closed({
                "threshold": share, "below": {"enum": ["review", "reject"]},
                "review": _closed({"between": {"type": "array", "items": share, "minItems": 2, "maxItems": 2}}),
                "canary": share, "record": {"enum": ["sync", "buffered"]}}),
            "monitor": _closed({"window": text, "performance": {"type": "object"}, "fairness": {}}),
            "retrain": _closed({"on": {"type": "array"}, "release": text}),
        }, ("service", "title", "purpose", "team", "risk", "data", "target", "train")),
    }
