"""The tables, once, for both dialects. Migrations create them; tests compare the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()

_AUTO = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER PRIMARY KEY counts by itself in SQLite

scopes = Table(
    "scopes",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("stops", String, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("lapses_at", BigInteger),  # when the first of the stops ends by itself
    Index("scopes_lapses_at", "lapses_at"),
    Index("scopes_stopped", "id", sqlite_where=text("stops != '{}'"), postgresql_where=text("stops != '{}'")),
    sqlite_with_rowid=False,
)
histories = Table(  # apart from scopes: up to 8 KB that an outcome changes, and an admission would write again
    "histories",
    metadata,
    Column("scope", String, primary_key=True),
    Column("history", LargeBinary, nullable=False),
)
records = Table(
    "records",
    metadata,
    Column("seq", _AUTO, primary_key=True, autoincrement=True),
    Column("workspace", String, nullable=False),
    Column("key", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("run", String),
    Column("at", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("workspace", "key", name="records_key"),
    Index("records_run", "run", "seq"),
    Index("records_workspace", "workspace", "seq"),  # else each page of a ledger reads all of it
    sqlite_autoincrement=True,
)
runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("team", String),
    Column("release", String, nullable=False),
    Column("on_behalf_of", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("key", String, nullable=False),
    Column("parent", String),
    Column("depth", Integer, nullable=False),
    Column("ancestors", String, nullable=False, server_default=""),  # parent last, a blank around each
    Column("ended_at", BigInteger, nullable=False, server_default="0"),  # 0 while it is open
    Column("heard_at", BigInteger, nullable=False, server_default="0"),  # 0 where nobody waits to hear of it
    Column("started_by", String, nullable=False, server_default=""),
    Column("follows", String),
    Column("verified", Boolean, nullable=False, server_default=false()),
    Index("runs_workspace", "workspace", "id"),
    Index("runs_agent", "workspace", "agent", "id"),
    Index("runs_on_behalf_of", "workspace", "on_behalf_of", "id"),
    Index("runs_ended", "workspace", "ended_at"),
    Index("runs_heard", "heard_at"),
)
open_actions = Table(
    "open_actions",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("run", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("target", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("admitted_at", BigInteger, nullable=False),
    Column("unknown", Integer, nullable=False),
    Column("reservations", LargeBinary, nullable=False),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),  # 0: as long as its owner lives
    sqlite_with_rowid=False,
)
owners = Table(
    "owners",
    metadata,
    Column("id", String, primary_key=True),
    Column("seen_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
approvals = Table(
    "approvals",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("run", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("release", String, nullable=False),
    Column("on_behalf_of", String, nullable=False),
    Column("approvers", String, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("answers", LargeBinary, nullable=False),
    Column("course", LargeBinary, nullable=False),
    Column("first_digest", String, nullable=False),
    Column("due_at", BigInteger),
    Index("approvals_digest", "run", "digest"),
    Index("approvals_first_digest", "run", "first_digest"),
    Index("approvals_due", "due_at"),
    Index("approvals_similar", "workspace", "agent", "target", "created_at"),
    Index("approvals_state", "workspace", "state", "created_at"),
)
delegations = Table(  # who answers in whose place while they are away
    "delegations",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("person", String, nullable=False),
    Column("delegate", String, nullable=False),
    Column("begins_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("made_by", String, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Index("delegations_workspace", "workspace", "delegate"),
)
payload_keys = Table(
    "payload_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
payloads = Table(
    "payloads",
    metadata,
    Column("owner", String, primary_key=True),
    Column("part", String, primary_key=True),
    Column("key", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
contents = Table(
    "contents",
    metadata,
    Column("digest", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
releases = Table(
    "releases",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("author", String, nullable=False),
    Column("message", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("manifest", LargeBinary, nullable=False),
)
activations = Table(
    "activations",
    metadata,
    Column("seq", _AUTO, primary_key=True, autoincrement=True),
    Column("workspace", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("release", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("message", String, nullable=False),
    Index("activations_channel", "workspace", "channel", "seq"),
)
proposals = Table(
    "proposals",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("release", String, nullable=False),
    Column("before", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("message", String, nullable=False),
    Column("activated_by", String),
    Column("activated_at", BigInteger),
    Index("proposals_release", "workspace", "release", "channel"),
)
ledgers = Table(  # how far each workspace's ledger is sealed, and who seals it
    "ledgers",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("origin", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("alarm", String, nullable=False),
    Column("alarm_at", BigInteger, nullable=False),
    Column("lease_owner", String, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)
ledger_keys = Table(
    "ledger_keys",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", String, nullable=False),
    Column("seed", LargeBinary, nullable=False),
    Column("rotation", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
ledger_tiles = Table(
    "ledger_tiles",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("note", String, nullable=False),
    Column("kept", Integer, nullable=False),
)
acknowledgements = Table(  # of stops, by those who listen; nothing is decided by them
    "acknowledgements",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("stop", String, primary_key=True),
    Column("listener", String, primary_key=True),
    Column("agent", String, nullable=False),
    Column("credential", String, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("acknowledged_at", BigInteger),
    sqlite_with_rowid=False,
)
notices = Table(  # the outbox: who is told of which approval, by reference to a secret address
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("workspace", String, nullable=False),
    Column("approval", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("address", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("problem", String, nullable=False),
    Column("lease_owner", String, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
    Index("notices_due", "state", "next_at"),
)
notice_cursors = Table(  # how far the records were read for notices
    "notice_cursors",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
)
