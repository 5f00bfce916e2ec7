"""A setting, or a table on the ledger, that the docs do not name is a fault."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from stellwerk.apps.schema import metadata
from stellwerk.infra.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def test_every_setting_is_documented_and_none_is_made_up() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert documented == {entry.name for entry in fields(Settings)}


def test_every_covered_table_is_named() -> None:
    section = TEXT.split("## What the ledger covers")[1]
    named = set(re.findall(r"`(\w+)`", section))
    assert named == {table.name for table in metadata.tables.values() if table.info["ledger"]}
