"""The metadata that the slices of tracking declare their tables on."""

from __future__ import annotations

from sqlalchemy import MetaData, Text

from stellwerk.infra.database import metadata as control

metadata = MetaData(naming_convention=control.naming_convention)

# Compared byte by byte on both databases, so that order and pages do not depend on a locale.
NAME = Text().with_variant(Text(collation="C"), "postgresql")
VALUE = NAME
