"""Ends of stops, ancestors and leases of runs, and who was told of a stop."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

# A run's end stood in its scope's row only.
_ENDED = {
    "sqlite": "cast(json_extract(cast(state as text), '$.progress.ended_at') as integer)",
    "postgresql": "(convert_from(state, 'UTF8')::json #>> '{progress,ended_at}')::bigint",
}
_ANCESTORS = """
with recursive line(id, above, ancestors) as (
    select id, parent, ' ' from runs where parent is not null
    union all
    select line.id, runs.parent, ' ' || line.above || line.ancestors
    from line join runs on runs.id = line.above where length(line.ancestors) < 4000
)
update runs set ancestors = coalesce((select ancestors from line where line.id = runs.id and above is null), '')
where parent is not null
"""


def upgrade() -> None:
    """Add the columns, fill them from what is there, and create the table."""
    op.add_column("scopes", sa.Column("lapses_at", sa.BigInteger(), nullable=True))
    op.create_index("scopes_lapses_at", "scopes", ["lapses_at"], unique=False)
    op.create_index(
        "scopes_stopped",
        "scopes",
        ["id"],
        unique=False,
        sqlite_where=sa.text("stops != '{}'"),
        postgresql_where=sa.text("stops != '{}'"),
    )
    op.add_column("runs", sa.Column("ancestors", sa.String(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("ended_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("heard_at", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("runs_ended", "runs", ["workspace", "ended_at"], unique=False)
    op.create_index("runs_heard", "runs", ["heard_at"], unique=False)
    op.add_column("open_actions", sa.Column("lease_until", sa.BigInteger(), nullable=False, server_default="0"))
    ended = _ENDED[op.get_bind().dialect.name]
    op.execute(
        f"update runs set ended_at = coalesce((select {ended} from scopes"
        " where scopes.id = runs.workspace || '/run/' || runs.id), 0)"
    )
    op.execute(_ANCESTORS)
    op.create_table(
        "acknowledgements",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("stop", sa.String(), nullable=False),
        sa.Column("listener", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("workspace", "stop", "listener"),
        sqlite_with_rowid=False,
    )
