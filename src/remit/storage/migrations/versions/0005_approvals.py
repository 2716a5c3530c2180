"""What becomes of an approval besides answers, and who answers in whose place."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns and the table. What was expired so far is so because the agent was told."""
    told = sa.literal(b'{"told":true}', sa.LargeBinary())
    approvals = sa.table(
        "approvals",
        sa.column("state", sa.String()),
        sa.column("course", sa.LargeBinary()),
        sa.column("expires_at", sa.BigInteger()),
        sa.column("due_at", sa.BigInteger()),
    )
    with op.batch_alter_table("approvals") as table:
        table.add_column(sa.Column("course", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("first_digest", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.execute(approvals.update().values(course=sa.literal(b"{}", sa.LargeBinary())))
    op.execute(approvals.update().where(approvals.c.state == "expired").values(course=told))
    waiting = approvals.c.state.in_(("pending", "approved"))
    op.execute(approvals.update().where(waiting).values(due_at=approvals.c.expires_at))
    with op.batch_alter_table("approvals") as table:
        table.alter_column("course", existing_type=sa.LargeBinary(), nullable=False)
        table.alter_column("first_digest", existing_type=sa.String(), nullable=False, server_default=None)
    op.create_index("approvals_first_digest", "approvals", ["run", "first_digest"], unique=False)
    op.create_index("approvals_due", "approvals", ["due_at"], unique=False)
    op.create_table(
        "delegations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("delegate", sa.String(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("delegations_workspace", "delegations", ["workspace", "delegate"], unique=False)
