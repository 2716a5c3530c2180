"""Who asked for a run, and which run it follows: they may not answer what it asks."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the columns, and fill them for the runs of workflows, whose journal has known both."""
    op.add_column("runs", sa.Column("started_by", sa.String(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("follows", sa.String(), nullable=True))
    op.execute(
        "update runs set"
        " started_by = (select started_by from workflow_runs where run = runs.id),"
        " follows = (select nullif(shares, '') from workflow_runs where run = runs.id)"
        " where id in (select run from workflow_runs)"
    )
    op.execute(
        "update runs set follows = (select run from workflow_runs where undo_run = runs.id)"
        " where id in (select undo_run from workflow_runs where undo_run != '')"
    )
