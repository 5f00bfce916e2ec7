"""What a revision needs to answer: its input fields with limits and ranges seen, its rule, its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stellwerk.manifest import Manifest
from stellwerk.protocols.odcs import Contract

_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean"}
_MOST_CATEGORIES = 50


def serving(manifest: Manifest, contract: Contract, profile: Mapping[str, Any],
            version: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the plain content of a revision as the gateway's snapshot will carry it."""
    serve = manifest.serve
    return {
        "title": manifest.title, "purpose": manifest.purpose, "target": manifest.target,
        "model": version["onnx"], "background": version["background"],
        "serve": {"threshold": serve.threshold, "below": serve.below,
                  "between": list(serve.between) if serve.between else None},
        "record": serve.record, "canary": serve.canary, "subject": manifest.subject,
        "inputs": [_field(contract, profile, name) for name in manifest.inputs(contract.columns)],
        "protected": [_field(contract, profile, name) for name in manifest.protected]}


def _field(contract: Contract, profile: Mapping[str, Any], name: str) -> dict[str, Any]:
    entry = contract.column(name)
    seen = profile["columns"].get(name, {})
    categories = [value for value, _ in seen.get("top", [])]
    known = entry.type == "string" and 0 < seen.get("distinct", 0) <= min(len(categories), _MOST_CATEGORIES)
    numeric = entry.type in ("number", "integer")
    return {
        "name": name, "type": _TYPES.get(entry.type, "string"), "nullable": not entry.required,
        "minimum": entry.minimum, "maximum": entry.maximum,
        "enum": [value if numeric else str(value) for value in entry.enum] if entry.enum else None,
        "pattern": entry.pattern, "min_length": entry.min_length, "max_length": entry.max_length,
        "seen_min": seen.get("min") if numeric else None, "seen_max": seen.get("max") if numeric else None,
        "seen_categories": categories if known else None, "unit": entry.unit,
        "description": entry.description or entry.business_name or None}
