"""Runs that took a model which was trained elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "adoption",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("uri", sa.String(300), nullable=False),
        sa.Column("model", sa.String(300), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source_run", sa.String(32), nullable=True),
        sa.Column("made_by", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("files", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adoption")),
    )


def downgrade() -> None:
    """Take the table away."""
    op.drop_table("adoption")
