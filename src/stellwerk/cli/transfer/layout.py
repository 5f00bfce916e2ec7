"""How an exported folder is laid out; what writes it and what reads it agree here.

::

    manifest.json                   what it is, counts, digests
    experiments/ID.json
    runs/ID/run.json                the run with its params, tags and data sets
    runs/ID/metrics.csv             key, timestamp, step, value
    runs/ID/artifacts/…             under the names that people know
    logged-models/ID/model.json
    logged-models/ID/artifacts/…
    registered-models/NUMBER.json   with versions and aliases
    checksums.txt                   sha256sum -c checksums.txt
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import msgspec

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.transfer import digests, wire

FORMAT = "stellwerk-export"
VERSION = 1
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.txt"
METRICS_HEAD = ("key", "timestamp", "step", "value")


class Manifest(msgspec.Struct, kw_only=True):
    """What a folder says of itself."""

    format: str
    version: int
    kind: str
    name: str
    source: str
    made_at: str
    counts: dict[str, int] = {}
    digests: dict[str, digests.Digest] = {}


class Registered(msgspec.Struct, kw_only=True):
    """A registered model with its versions and aliases, as a file holds it."""

    model: wire.RegisteredModel
    versions: list[wire.Version]
    aliases: list[tuple[str, int]]


def pretty(thing: object) -> bytes:
    """Return JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(thing), indent=2) + b"\n"


def check_relative(name: str) -> str:
    """Return the path of a file below the folder; raises BadInput for one that might lead elsewhere."""
    segments = name.split("/")
    if (not name or "\\" in name or any(segment in ("", ".", "..") for segment in segments)
            or any(unicodedata.category(character) in ("Cc", "Cs") for character in name)):
        raise BadInput(f"{CHECKSUMS} names {name[:200]!a}, which is no path inside of the folder.",
                       field=CHECKSUMS, value=ascii(name[:200]))
    return name


def line(sha256: str, name: str) -> str:
    """Return a line that ``sha256sum -c`` understands."""
    return f"{sha256}  {name}\n"


def read_checksums(folder: Path) -> dict[str, str]:
    """Return the hashes of all files by name; raises BadInput for a folder without them or with broken lines."""
    try:
        text = (folder / CHECKSUMS).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInput(f"{folder} has no {CHECKSUMS}, so it is no whole export.", field="FOLDER", value=str(folder),
                       hint="Name a folder that stellwerk export wrote.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{folder / CHECKSUMS} is no text: {error}", field=CHECKSUMS) from None
    found: dict[str, str] = {}
    for number, entry in enumerate(text.removesuffix("\n").split("\n"), 1):
        sha256, gap, name = entry[:64], entry[64:66], entry[66:]
        if gap != "  " or len(sha256) != 64 or name in found:
            raise BadInput(f"{CHECKSUMS} line {number} is no checksum and name, or repeats one.", field=CHECKSUMS,
                           value=ascii(entry[:200]))
        found[check_relative(name)] = sha256
    return found
