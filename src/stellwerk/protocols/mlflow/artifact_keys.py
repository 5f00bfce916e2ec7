"""Names of artifacts as a type: parsed once at the edge, so that no other code has to doubt them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from stellwerk.kernel.errors import BadInput

SEGMENTS = 64
SEGMENT_BYTES = 250
KEY_BYTES = 1000

# Control characters, surrogates, separators of lines and paragraphs.
_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Clients refuse a listing that holds these, or read them as another place.
_SPECIAL = frozenset("\\#")
_DRIVE = re.compile(r"[A-Za-z]:\Z|file:\Z", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_\-.]+\Z")
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,33}\Z")


@dataclass(frozen=True, slots=True, order=True)
class ArtifactKey:
    """The name of a file or folder below the artifact root of a run or logged model: plain segments joined by ``/``."""

    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str, field: str = "path") -> ArtifactKey:
        """Return the key of a text that is decoded already, in the composed form of Unicode.

        Raises BadInput for control and direction characters, backslashes, ``#``, empty segments, ``.`` and ``..``, also
        where such stand behind one more encoding, and beyond 250 bytes a segment, 1000 bytes or 64 segments in all.
        """
        if len(text) > KEY_BYTES:
            raise _refused(field, text, f"it is longer than {KEY_BYTES} bytes.")
        composed = unicodedata.normalize("NFC", text)
        segments = composed.split("/")
        if len(segments) > SEGMENTS:
            raise _refused(field, text, f"it has more than {SEGMENTS} segments.")
        for segment in segments:
            _check_segment(segment, field)
        if _DRIVE.match(segments[0]):
            raise _refused(field, text, "it is not relative.")
        if len(composed.encode("utf-8")) > KEY_BYTES:
            raise _refused(field, text, f"it is longer than {KEY_BYTES} bytes.")
        return cls(composed)

    @classmethod
    def folder(cls, text: str | None, field: str = "path") -> ArtifactKey | None:
        """Return the key of a folder, which may end in ``/``; None for the root."""
        name = (text or "").removesuffix("/")
        return cls.parse(name, field) if name else None

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rpartition("/")[2]

    def parents(self) -> list[str]:
        """Return the folders that the key stands in, the outermost first."""
        found = []
        position = self.text.find("/")
        while position >= 0:
            found.append(self.text[:position])
            position = self.text.find("/", position + 1)
        return found

    def below(self, name: str, field: str = "path") -> ArtifactKey:
        """Return the key of a name inside of this folder."""
        return ArtifactKey.parse(f"{self.text}/{name}", field)


@dataclass(frozen=True, slots=True)
class Place:
    """What the client's path says: whose artifacts, and which of them; ``key`` is None for all."""

    experiment_id: int
    owner_id: str
    is_model: bool
    key: ArtifactKey | None

    @property
    def file(self) -> ArtifactKey:
        """The key; raises BadInput where the path ends at the root."""
        if self.key is None:
            raise BadInput("Invalid path: it names the root of all artifacts of a run or model, not one of them.",
                           field="path", allowed="a name of at least one segment below the root")
        return self.key


def parse_place(path: str, field: str = "path") -> Place:
    """Return whose artifacts a path of clients means; raises BadInput for one of another form."""
    segments = path.split("/", 3)
    if len(segments) > 1 and segments[1] == "models":
        experiment, _, *tail = path.split("/", 4)
    else:
        experiment, *tail = segments
    if len(tail) < 2 or tail[1] != "artifacts" or not _OWNER.match(tail[0]) or not (
            experiment.isascii() and experiment.isdigit() and len(experiment) <= 18):
        # Tried as a key first, so that a path that climbs out is refused as such.
        ArtifactKey.folder(path, field)
        raise _refused(field, path, "artifacts stand at EXPERIMENT/RUN/artifacts/NAME and "
                                    "EXPERIMENT/models/MODEL/artifacts/NAME.")
    key = ArtifactKey.folder(tail[2], field) if len(tail) > 2 else None
    return Place(int(experiment), tail[0], len(segments) > 1 and segments[1] == "models", key)


def file_name(local_file: str) -> str:
    """Return the name of a file whose path on the client's machine is given, in either form of separator."""
    return re.split(r"[/\\]", local_file)[-1]


def _check_segment(segment: str, field: str) -> None:
    if _PLAIN.match(segment) and len(segment) <= SEGMENT_BYTES and segment not in (".", ".."):
        return
    _check_characters(segment, field)
    if len(segment.encode("utf-8")) > SEGMENT_BYTES:
        raise _refused(field, segment, f"a segment is longer than {SEGMENT_BYTES} bytes.")
    inner = segment
    while "%" in inner and (decoded := unquote(inner)) != inner:
        inner = decoded
        if "/" in inner:
            raise _refused(field, segment, "a separator stands behind one more encoding.")
        _check_characters(inner, field)


def _check_characters(segment: str, field: str) -> None:
    if segment in ("", ".", ".."):
        # These two words alone: clients and their tests compare the whole message.
        raise BadInput("Invalid path", field=field, value=ascii(segment))
    for character in segment:
        if character in _SPECIAL or character in _BIDI or unicodedata.category(character) in _CATEGORIES:
            raise _refused(field, segment, f"it holds the character U+{ord(character):04X}.")


def _refused(field: str, text: str, why: str) -> BadInput:
    return BadInput(f"Invalid path: {why}", field=field, value=ascii(text[:100]))
