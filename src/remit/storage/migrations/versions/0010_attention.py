"""What needs a person is found by index: approvals by state, runs of workflows by how and when they ended."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the indexes."""
    op.create_index("approvals_state", "approvals", ["workspace", "state", "created_at"], unique=False)
    op.create_index("workflow_runs_ended", "workflow_runs", ["workspace", "state", "ended_at"], unique=False)
    op.create_index(
        "workflow_runs_shares",
        "workflow_runs",
        ["shares"],
        unique=False,
        sqlite_where=sa.text("shares != ''"),
        postgresql_where=sa.text("shares != ''"),
    )
