"""Schema of the control database over time: made whole on a fresh home, migrated by Alembic on an old one."""

from stellwerk.infra.migrations.state import HEAD, SchemaState, inspect_schema

__all__ = ["HEAD", "SchemaState", "inspect_schema"]
