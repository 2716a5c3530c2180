"""Whether it is known for whom a run acts: a policy can ask. Of runs before, it counts as said and not known."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column."""
    op.add_column("runs", sa.Column("verified", sa.Boolean(), nullable=False, server_default=sa.false()))
