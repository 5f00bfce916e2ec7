"""What names, aliases, version numbers, stages and texts of the registry may be: checked once, at the edge."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from stellwerk.kernel.errors import BadInput, NotOffered
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.decoding import invalid, missing

STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ("Staging", "Production")
LATEST = "latest"
PROMPT_TAG = "mlflow.prompt.is_prompt"
NAME_BYTES = 250
ALIAS_LENGTH = 255
TAG_LENGTH = 100_000
DESCRIPTION_LENGTH = 100_000
LINK_LENGTH = 2000

_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ALIAS = re.compile(r"[\w\-]*\Z")
_LIKE_VERSION = re.compile(r"[vV]\d+\Z")
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}\Z")
_STAGE_NAMES = {stage.lower(): stage for stage in STAGES}


def check_name(name: str | None, path: str = "name") -> str:
    """Return the name of a registered model; raises BadInput for one that is empty, too long or not plain."""
    if name is None or not name.strip():
        raise missing(path)
    if "/" in name or ":" in name:
        raise BadInput(f"Invalid model name '{name[:300]}'. Names cannot contain '/' or ':'.", field=path,
                       value=name[:300])
    if name == "." or name.startswith(".."):
        raise invalid(path, name, "Names may be treated as files in certain cases, and must not resolve to other names "
                                  "when treated as such.")
    if len(name.encode("utf-8", "surrogatepass")) > NAME_BYTES:
        raise invalid(path, name, f"exceeds the maximum length of {NAME_BYTES} bytes.")
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    for character in name:
        if character == "\\" or character in _BIDI or unicodedata.category(character) in _CATEGORIES:
            raise invalid(path, name, f"it holds the character U+{ord(character):04X}.")
    if not unicodedata.is_normalized("NFC", name):
        raise invalid(path, name, "it is not in the composed form of Unicode (NFC).")
    return name


def check_alias(alias: str | None) -> str:
    """Return an alias; raises BadInput for one that cannot exist."""
    if not alias:
        raise BadInput("Registered model alias name cannot be empty.", field="alias")
    if len(alias) > ALIAS_LENGTH:
        raise BadInput(f"Registered model alias name exceeds length limit of {ALIAS_LENGTH} characters.",
                       field="alias", value=alias[:100])
    if not _ALIAS.match(alias):
        raise BadInput(f"Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), and "
                       "dashes (-).", field="alias", value=alias)
    return alias


def check_new_alias(alias: str | None) -> str:
    """Return an alias that may be set; raises BadInput also for those that have a meaning of their own."""
    name = check_alias(alias)
    if name.lower() == LATEST:
        raise BadInput("'latest' alias name (case insensitive) is reserved.", field="alias", value=name)
    if _LIKE_VERSION.match(name):
        raise BadInput(f"Version alias name '{name}' is reserved.", field="alias", value=name)
    return name


def version_number(text: str | None) -> int:
    """Return the number of a version; raises BadInput for a text that is no whole number."""
    value = (text or "").strip()
    if not _WHOLE.match(value):
        raise BadInput(f"Parameter 'version' must be an integer, got '{value[:100]}'.", field="version",
                       value=value[:100])
    return int(value)


def stage_name(stage: str | None) -> str:
    """Return the name of a stage written in any case; raises BadInput for another word."""
    found = _STAGE_NAMES.get((stage or "").lower())
    if found is None:
        raise BadInput(f"Invalid Model Version stage: {(stage or '')[:100]}. Value must be one of "
                       f"{', '.join(STAGES)}.", field="stage", value=(stage or "")[:100], allowed=list(STAGES))
    return found


def check_tags(tags: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return tags by key, the last of each; raises BadInput beyond the limits, NotOffered for what makes a prompt."""
    checked: dict[str, str] = {}
    for key, value in tags:
        limits.check_key(key, "key")
        if len(value) > TAG_LENGTH:
            raise BadInput(f"'value' exceeds the maximum length of {TAG_LENGTH} characters", field="value")
        checked[key] = limits.check_text(value, "value")
    # Kept as a model it would vanish from every search, since clients leave prompts out there.
    if checked.get(PROMPT_TAG, "false").lower() == "true":
        raise NotOffered("Stellwerk does not offer prompts of language models.", field=PROMPT_TAG,
                         hint="Register a model instead.")
    return checked


def check_description(text: str | None) -> str | None:
    """Return a description; raises BadInput for one that is too long."""
    if text is not None and len(text) > DESCRIPTION_LENGTH:
        raise BadInput(f"'description' exceeds the maximum length of {DESCRIPTION_LENGTH} characters",
                       field="description")
    return None if text is None else limits.check_text(text, "description")


def check_link(text: str | None) -> str | None:
    """Return the link to a run elsewhere; raises BadInput for one that is too long or not plain."""
    if text and len(text) > LINK_LENGTH:
        raise BadInput(f"'run_link' exceeds the maximum length of {LINK_LENGTH} characters", field="run_link")
    if text:
        limits.check_plain(text, "run_link")
    return text


def check_key(key: str) -> None:
    """Raise BadInput for the key of a tag that cannot exist."""
    limits.check_key(key, "key")
