"""SHA-256 over bytes and over canonical JSON."""

from __future__ import annotations

import hashlib
from typing import Any

from stellwerk.kernel import canonical_json


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value as 64 hexadecimal digits."""
    return sha256_hex(canonical_json.dumps(value))
