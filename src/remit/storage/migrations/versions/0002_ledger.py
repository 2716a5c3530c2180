"""The ledger: how far it is sealed, its keys, tiles and checkpoints; records in order by workspace."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the ledger's tables."""
    _create_ledgers()
    _create_ledger_keys()
    _create_ledger_tiles()
    _create_checkpoints()
    op.create_index("records_workspace", "records", ["workspace", "seq"], unique=False)


def _create_ledgers() -> None:
    op.create_table(
        "ledgers",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("alarm", sa.String(), nullable=False),
        sa.Column("alarm_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace"),
    )


def _create_ledger_keys() -> None:
    op.create_table(
        "ledger_keys",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("rotation", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "position"),
    )


def _create_ledger_tiles() -> None:
    op.create_table(
        "ledger_tiles",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "level", "position"),
    )


def _create_checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "size"),
    )
