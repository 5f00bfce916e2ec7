"""Secrets that must be used again, such as those of webhooks: kept encrypted, under a key of the home."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stellwerk.infra.key_files import create_once, read_private
from stellwerk.kernel.errors import Conflict
from stellwerk.kernel.secret import Secret

KEY_FILE = "secrets.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class SecretBox:
    """Encrypts and decrypts secrets; the key file is made with the first one."""

    def __init__(self, keys_dir: Path) -> None:
        self._keys_dir = keys_dir

    def seal(self, secret: Secret, purpose: str) -> bytes:
        """Return the secret encrypted; it opens for the same purpose only."""
        if not (self._keys_dir / KEY_FILE).exists():
            create_once(self._keys_dir, KEY_FILE, os.urandom(_KEY_BYTES))
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, secret.reveal().encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> Secret:
        """Return a secret that was sealed for the purpose; raises Conflict where the key or the text is another."""
        if not (self._keys_dir / KEY_FILE).exists():
            raise _no_key()
        try:
            text = self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
            return Secret(text.decode())
        except (InvalidTag, ValueError):
            raise _no_key() from None

    def _cipher(self) -> AESGCM:
        key = read_private(self._keys_dir, KEY_FILE)
        if len(key) != _KEY_BYTES:
            raise _no_key()
        return AESGCM(key)


def _no_key() -> Conflict:
    return Conflict(f"A kept secret cannot be opened with {KEY_FILE} of this home.", field="keys",
                    hint="Put the key back from a backup, or set the secret anew.")
