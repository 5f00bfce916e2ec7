"""How the protocol is spoken: where its calls live, and how bodies and errors look."""

from __future__ import annotations

from stellwerk.protocols.mlflow.decoding import decode_body, decode_query, encode
from stellwerk.protocols.mlflow.errors import endpoint_not_found, status_and_body

# Every call exists for programs and, the same, for the pages of the stock server.
V2 = ("/api/2.0", "/ajax-api/2.0")
V3 = ("/api/3.0", "/ajax-api/3.0")
OWNED = ("/api/2.0/", "/ajax-api/", "/api/3.0/")

__all__ = ["OWNED", "V2", "V3", "decode_body", "decode_query", "encode", "endpoint_not_found", "status_and_body"]
