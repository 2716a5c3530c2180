"""Whose a step is that several runs share: one of them undoes it."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column, and an index of the steps that are another run's."""
    op.add_column("workflow_steps", sa.Column("belongs_to", sa.String(), nullable=False, server_default=""))
    op.create_index(
        "workflow_steps_shared",
        "workflow_steps",
        ["belongs_to"],
        unique=False,
        sqlite_where=sa.text("belongs_to != ''"),
        postgresql_where=sa.text("belongs_to != ''"),
    )
