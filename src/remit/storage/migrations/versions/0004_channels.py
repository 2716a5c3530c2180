"""Keys are of a channel; activations wait for a second person; runs are found by agent and by whom they act for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add a column, a table and two indexes. Keys made before are of the channel their runs had by default."""
    op.add_column("credentials", sa.Column("channel", sa.String(), nullable=False, server_default="production"))
    op.create_index("runs_agent", "runs", ["workspace", "agent", "id"], unique=False)
    op.create_index("runs_on_behalf_of", "runs", ["workspace", "on_behalf_of", "id"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("release", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("activated_by", sa.String(), nullable=True),
        sa.Column("activated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("proposals_release", "proposals", ["workspace", "release", "channel"], unique=False)
