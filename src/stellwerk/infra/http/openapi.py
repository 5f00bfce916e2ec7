"""The OpenAPI 3.1 description: security schemes and the one error shape beside what FastAPI finds out."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_ERROR = {
    "type": "object", "title": "Error", "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string", "description": "Stable word for programs"},
        "message": {"type": "string", "description": "One sentence for people"},
        "field": {"type": "string", "description": "What is wrong"},
        "value": {"description": "What was found there"},
        "allowed": {"description": "What may stand there"},
        "hint": {"type": "string", "description": "The way out"},
        "details": {"description": "Further facts"},
    },
}


def describe(app: FastAPI) -> None:
    """Make ``app.openapi()`` return the description, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, openapi_version="3.1.0", routes=app.routes,
                         description="The control plane of a Stellwerk installation.")
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token, stw_ and 43 characters"},
        "basic": {"type": "http", "scheme": "basic", "description": "Any user name, the token as password"},
    }
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    schema["security"] = [{"bearer": []}, {"basic": []}]
    return schema
