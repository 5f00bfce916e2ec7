"""The installation's Ed25519 key, and the signed tree heads that it gives out (C2SP tlog-checkpoint).

A checkpoint is a text of three lines (origin, size, root) with a signature line under it. The origin names
installation and log; it is also the name of the key, so a signature for one log says nothing about another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stellwerk.infra.key_files import create_once, read_private, replace
from stellwerk.kernel.errors import BadInput

KEY_FILE = "installation.pem"
PUBLIC_FILE = "installation.pub"
_ED25519 = b"\x01"
_NOTE_BYTES = 16_384
_SIGNATURES = 16
_SIZE = re.compile(r"(0|[1-9][0-9]{0,17})\Z")
_ORIGIN = re.compile(r"[^\s+]{1,200}\Z")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: which log (``origin``), how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def log(self) -> str:
        """The name of the log within its installation."""
        return self.origin.rpartition("/")[2]

    def body(self) -> bytes:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


class PublicKey:
    """The key that anyone may have: checks signatures, makes none."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    @property
    def hex(self) -> str:
        """The 32 bytes of the key as 64 hexadecimal digits."""
        return self.raw.hex()

    @property
    def installation(self) -> str:
        """The name of the installation, made from its key."""
        return f"stellwerk-{hashlib.sha256(self.raw).hexdigest()[:16]}"

    def origin(self, log: str) -> str:
        """Return the origin line of a log of this installation."""
        return f"{self.installation}/{log}"

    def verifies(self, data: bytes, signature: bytes) -> bool:
        """Tell whether the signature over the bytes is this key's."""
        try:
            self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def note_id(self, name: str) -> bytes:
        """Return the four bytes that name this key in a signature line (C2SP signed-note)."""
        return hashlib.sha256(name.encode() + b"\n" + _ED25519 + self.raw).digest()[:4]


class SigningKey:
    """The installation's own key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """Return the 64 byte signature over the data.

        Raises ValueError for bytes that are the text of a checkpoint: those are signed by ``checkpoint`` only.
        """
        if _looks_like_checkpoint(data):
            raise ValueError("the text of a checkpoint is not signed as anything else")
        return self._private.sign(data)

    def checkpoint(self, log: str, size: int, root: bytes) -> str:
        """Return the signed note of a tree head."""
        head = Checkpoint(origin=self.public.origin(log), size=size, root=root)
        body = head.body()
        blob = self.public.note_id(head.origin) + self._private.sign(body)
        return f"{body.decode()}\n— {head.origin} {base64.b64encode(blob).decode()}\n"


def _looks_like_checkpoint(data: bytes) -> bool:
    lines = data.split(b"\n")
    return len(lines) >= 4 and lines[1].isdigit()


def load_key(keys_dir: Path) -> SigningKey:
    """Return the key of the installation; the first call in a new home makes it.

    Of several processes that start at once, all get the same key. Raises Conflict when others may read the
    file, BadInput when it holds no Ed25519 key.
    """
    file = keys_dir / KEY_FILE
    if not file.exists():
        _create(keys_dir)
    try:
        private = serialization.load_pem_private_key(read_private(keys_dir, KEY_FILE), password=None)
    except ValueError as error:
        raise _no_key() from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _no_key()
    key = SigningKey(private)
    if not (keys_dir / PUBLIC_FILE).exists():
        replace(keys_dir, PUBLIC_FILE, f"{key.public.hex}\n".encode())
    return key


def _no_key() -> BadInput:
    return BadInput(f"{KEY_FILE} holds no Ed25519 key.", field="keys", allowed="the key this home was made with",
                    hint="Put the key back from a backup; a new key cannot continue the old ledger.")


def _create(keys_dir: Path) -> None:
    private = Ed25519PrivateKey.generate()
    create_once(keys_dir, KEY_FILE, private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _base64(text: str) -> bytes:
    """Decode standard base64 and refuse every spelling but the one that encoding gives."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("a value is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise _bad("a value is not in the one base64 spelling")
    return data


def _bad(why: str) -> BadInput:
    return BadInput(f"This is no checkpoint of this installation: {why}.", field="checkpoint",
                    allowed="a signed tree head as GET /api/v1/ledger/head gives it",
                    hint="Give the text unchanged, with its empty line and line ends.")


def _signature_line(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _ORIGIN.match(parts[1]):
        raise _bad("a signature line is malformed")
    blob = _base64(parts[2])
    if len(blob) < 5:
        raise _bad("a signature is too short")
    return parts[1], blob


def parse_note(note: str) -> tuple[Checkpoint, list[tuple[str, bytes]]]:
    """Return the tree head of an untrusted note and its (key name, key id and signature) lines, unverified.

    Raises BadInput for anything that C2SP signed-note and tlog-checkpoint do not allow; extension lines, which
    this installation never writes, are not allowed either.
    """
    if len(note) > _NOTE_BYTES:
        raise _bad("it is too long")
    if any((ord(char) < 0x20 and char != "\n") or 0xD800 <= ord(char) < 0xE000 for char in note):
        raise _bad("it holds control characters")
    body, separator, tail = note.rpartition("\n\n")
    if not separator or not tail.endswith("\n"):
        raise _bad("text and signatures are not set apart by an empty line")
    lines, signature_lines = body.split("\n"), tail[:-1].split("\n")
    if len(lines) != 3 or not _ORIGIN.match(lines[0]) or not _SIZE.match(lines[1]):
        raise _bad("its text is not origin, size and root")
    if len(signature_lines) > _SIGNATURES:
        raise _bad("it has too many signatures")
    root = _base64(lines[2])
    if len(root) != 32:
        raise _bad("its root is not 32 bytes")
    head = Checkpoint(origin=lines[0], size=int(lines[1]), root=root)
    return head, [_signature_line(line) for line in signature_lines]


def verify_note(note: str, key: PublicKey) -> Checkpoint:
    """Return the tree head of a note that this key signed; raises BadInput for every other text.

    Signatures of other keys on the same note are ignored.
    """
    head, signatures = parse_note(note)
    if head.origin != key.origin(head.log):
        raise _bad(f"its origin {head.origin} is another installation")
    own = [blob[4:] for name, blob in signatures if name == head.origin and blob[:4] == key.note_id(name)]
    if not own:
        raise _bad("no signature on it names this installation's key")
    if not all(key.verifies(head.body(), signature) for signature in own):
        raise _bad("its signature does not verify")
    return head
