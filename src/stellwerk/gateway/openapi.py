"""The OpenAPI document of a live service, made from its contract."""

from __future__ import annotations

from typing import Any

from stellwerk.dataplane.request_check import (
    KEY_CHARACTERS,
    LARGEST,
    NAMING,
    SUBJECT_CHARACTERS,
    TEXT_CHARACTERS,
)
from stellwerk.dataplane.snapshot import Field, Revision, Route


def document(route: Route, revision: Revision) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document by which a service can be asked."""
    path = f"/v1/services/{route.service}/decisions"
    failures = {code: {"description": words, "content": {"application/json": {"schema": {
        "$ref": "#/components/schemas/Error"}}}} for code, words in {
            "400": "A value that the contract does not allow",
            "401": "No valid token", "403": "The server is not known under the name in Host",
            "404": "No such live service", "405": "Another method than POST",
            "409": "The idempotency key came with another request",
            "413": "Too large",
            "415": "Another content type than JSON",
            "503": "The record could not be kept; nothing was decided"}.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": revision.title or route.service, "version": str(revision.version),
                 "description": revision.purpose},
        "paths": {path: {"post": {
            "operationId": "decide", "summary": "Ask for one decision; its record is kept before the answer leaves",
            "requestBody": {"required": True, "content": {"application/json": {"schema": _request(revision)}}},
            "responses": {"200": {"description": "The decision", "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Decision"}}}}, **failures}}}},
        "components": {"schemas": {"Decision": _decision(), "Error": _error()},
                       "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{"bearer": []}],
    }


def _request(revision: Revision) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "inputs": _object(revision.inputs, required=True),
        "subject": {"type": ["string", "integer"] if revision.subject else ["string", "integer", "null"],
                    "minLength": 1, "maxLength": SUBJECT_CHARACTERS, "pattern": f"^{NAMING}$",
                    "description": f"The {revision.subject or 'person or thing'} that the decision is about"},
        "idempotency_key": {"type": ["string", "null"], "minLength": 1, "maxLength": KEY_CHARACTERS,
                            "pattern": f"^{NAMING}$", "description": "The same request with it gets the same answer"},
        "protected": {**_object(revision.protected, required=False), "type": ["object", "null"], "description":
                      "Kept apart, for fairness only; never an input of the model"},
    }
    required = ["inputs", "subject"] if revision.subject else ["inputs"]
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _object(fields: list[Field], *, required: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "additionalProperties": False,
                            "properties": {field.name: _field(field, required) for field in fields}}
    needed = [field.name for field in fields if required and not field.nullable]
    return made | ({"required": needed} if needed else {})


def _field(field: Field, required: bool) -> dict[str, Any]:
    kind: Any = field.type
    if field.nullable or not required:
        kind = [kind, "null"]
    parts: dict[str, Any] = {"type": kind}
    if field.enum is not None:
        parts["enum"] = [*field.enum, None] if isinstance(kind, list) else list(field.enum)
    lowest, highest, longest = field.minimum, field.maximum, field.max_length
    if field.type in ("number", "integer"):
        lowest = -LARGEST if lowest is None else max(lowest, -LARGEST)
        highest = LARGEST if highest is None else min(highest, LARGEST)
    elif field.type == "string" and field.enum is None:
        longest = TEXT_CHARACTERS if longest is None else min(longest, TEXT_CHARACTERS)
    for name, value in (("minimum", lowest), ("maximum", highest), ("pattern", field.pattern),
                        ("minLength", field.min_length), ("maxLength", longest), ("x-unit", field.unit),
                        ("description", field.description)):
        if value is not None:
            parts[name] = f"^(?:{value})$" if name == "pattern" else value
    return parts


def _decision() -> dict[str, Any]:
    text = {"type": "string"}
    properties = {
        "id": {**text, "description": "Keep it: by this id the decision can be explained and contested"},
        "service": text, "decision": {"enum": ["selected", "review", "rejected"]}, "score": {"type": "number"},
        "threshold": {"type": "number"}, "revision": text, "model_version": {"type": "integer"},
        "marks": {"type": "array", "items": {"type": "object"},
                  "description": "Values unlike the training data; answered all the same"},
        "decided_at": {**text, "format": "date-time"}}
    return {"type": "object", "properties": properties, "required": list(properties)}


def _error() -> dict[str, Any]:
    return {"type": "object", "required": ["error_code", "message"], "properties": {
        "error_code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": "string"}, "value": {},
        "allowed": {}, "hint": {"type": "string"}}}
