"""Every setting, typed and documented. Each is read from the environment as `REMIT_` and its name in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from remit.domain.identity import Role

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")


class Settings(BaseSettings):
    """How this process runs Remit. Nothing here decides an action; that is in the release."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(
        "sqlite:///.remit/remit.db",
        repr=False,  # it may hold a password
        description="Where everything is stored: sqlite:/// and a path, or postgresql:// and so on.",
    )
    key_file: Path | None = Field(
        None,
        description="The master key of sealed payloads; by default remit.key beside a SQLite database.",
    )
    secret_folders: list[Path] = Field(
        default_factory=list,
        description="Folders, as a JSON list, that `file:` references of a workspace may lead into; empty: any.",
    )
    tool_commands: list[list[str]] = Field(
        default_factory=list,
        description="How the command of a tool server may begin, as a JSON list of lists of words; empty: anyhow.",
    )
    tool_variables: list[str] = Field(
        default_factory=list,
        description="Variables, as a JSON list, that such a command may be given where REMIT_TOOL_COMMANDS is set.",
    )
    workspace: str | None = Field(
        None, description="Which workspace to work in, where the database holds more than one."
    )
    max_batch: int = Field(
        256, ge=1, le=4096, description="Most commands in one transaction; bounds how long a freeze waits."
    )
    max_waiting: int = Field(
        10_000, ge=1, le=1_000_000, description="Most commands that wait for the writer; one more is turned away."
    )
    second_opinion_every: int = Field(
        1_000,
        ge=0,
        le=1_000_000,
        description="Of how many decisions one is decided again by the official Cedar implementation; 0: none.",
    )
    max_payload_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=64 * 1_048_576,
        description="Largest arguments of one action, and largest result that is kept.",
    )
    max_payload_depth: int = Field(32, ge=1, le=100, description="Deepest nesting of arguments.")
    url: str = Field(
        "", description="The server that agents talk to, as https://HOST; where it is not set they open the database."
    )
    api_key: SecretStr = Field(SecretStr(""), description="The agent's key for the server.")
    token: SecretStr = Field(
        SecretStr(""), description="A person's token: with it and REMIT_URL the command line asks that server."
    )
    context: str = Field("", description="The named context the command line works in; see `remit context`.")
    http_timeout_s: float = Field(
        10.0,
        ge=0.1,
        le=300,
        description="How long an agent waits for the server to accept a request, or to answer.",
    )
    http_tries: int = Field(3, ge=1, le=10, description="How often an agent sends one request, under the same key.")
    unreachable: Literal["deny", "allow-reads"] = Field(
        "deny", description="What an agent does while its server does not answer: nothing, or only what reads."
    )
    listen: bool = Field(True, description="Whether an agent hears from the server of what stops its open runs.")
    unencrypted: bool = Field(
        False, description="Whether keys may cross a network in the clear: http:// to, and --host of, other machines."
    )
    action_lease_s: int = Field(
        900, ge=10, le=30 * 86_400, description="How long the outcome of an action over HTTP is waited for."
    )
    run_lease_s: int = Field(
        86_400, ge=60, le=366 * 86_400, description="How long a run over HTTP stays open without a sign of its agent."
    )
    conversation_pause_s: int = Field(
        1_800, ge=10, le=86_400, description="After which pause an agent at a gateway that names no run begins another."
    )
    mcp_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts, as a JSON list, by which MCP clients and pages may name this server, besides the one of"
        " REMIT_PUBLIC_URL and this machine's own.",
    )
    model_body_bytes: int = Field(
        16 * 1_048_576, ge=1024, le=256 * 1_048_576, description="Largest request to the model gateway."
    )
    model_calls: int = Field(512, ge=1, le=100_000, description="Most calls of models that are open at once.")
    worker: bool = Field(
        True, description="Whether `remit serve` on SQLite carries out workflows itself; on PostgreSQL workers do."
    )
    worker_segments: int = Field(
        32, ge=1, le=1_000, description="Most segments of workflows that one worker carries out at the same time."
    )
    worker_lease_s: float = Field(
        10.0, ge=2, le=600, description="How long a worker that is not heard of is waited for before others take over."
    )
    workspace_segments: int = Field(
        16, ge=1, le=1_000, description="Most segments of one workspace that all workers carry out at the same time."
    )
    workspace_segment_rate: int = Field(
        0, ge=0, le=100_000, description="Most segments of one workspace that begin in a second; 0: any number."
    )
    workflow_steps: int = Field(
        64, ge=1, le=1_000, description="Most steps of one run of a workflow that are carried out at the same time."
    )
    absent_after_s: float = Field(
        5.0, ge=0, le=3_600, description="How long is waited before a tool is believed that a call never came about."
    )
    mcp_sessions: int = Field(
        4_096, ge=1, le=100_000, description="Most sessions of MCP clients that begin with a handshake."
    )
    mcp_sessions_each: int = Field(256, ge=1, le=100_000, description="Most of those sessions of one agent.")
    mcp_session_idle_s: float = Field(
        1_800.0, ge=1, le=86_400, description="After which silence the session of an MCP client is over."
    )
    mcp_streams: int = Field(1_024, ge=1, le=100_000, description="Most streams that MCP clients keep open.")
    mcp_streams_each: int = Field(128, ge=1, le=100_000, description="Most of those streams of one agent.")
    mcp_questions: int = Field(
        32, ge=1, le=1_000, description="Most questions of tool servers that wait for one MCP client."
    )
    mcp_question_s: float = Field(
        300.0, ge=1, le=3_600, description="How long an MCP client may take to answer what a tool server asks."
    )
    mcp_tasks: int = Field(4_096, ge=1, le=100_000, description="Most MCP tasks that are kept.")
    mcp_tasks_each: int = Field(256, ge=1, le=100_000, description="Most of those tasks of one agent.")
    mcp_task_s: float = Field(
        3_600.0, ge=1, le=86_400, description="How long an MCP task is kept after it was last looked at."
    )
    user: str = Field("", description="Who you are on the command line, as `user:name`; by default the login name.")

    session_idle_s: int = Field(
        3_600, ge=60, le=30 * 86_400, description="How long a person stays signed in without doing anything."
    )
    session_max_s: int = Field(43_200, ge=60, le=30 * 86_400, description="How long a person stays signed in at most.")
    run_token_s: int = Field(900, ge=1, le=3_600, description="How long the token of a run holds.")

    otel_endpoint: str = Field(
        "", description="An OTLP collector that our own spans are sent to by HTTP; empty: none are made."
    )
    otel_ratio: float = Field(1.0, ge=0, le=1, description="Which share of the traces that begin here are sent.")

    public_url: str = Field("http://127.0.0.1:7070", description="Where browsers reach the server.")
    notify_tries: int = Field(8, ge=1, le=20, description="How often a message to an approver is tried.")
    notify_before_expiry_s: int = Field(
        0, ge=0, le=7 * 86_400, description="How long before an approval expires people are told again; 0: not at all."
    )
    oidc_issuer: str = Field("", description="The issuer of an OpenID Connect provider; empty: none.")
    oidc_client_id: str = Field("remit", description="Who Remit is to the identity provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Its secret there, where it has one.")
    oidc_clients: list[str] = Field(
        default_factory=list,
        description="Other clients of the provider whose identity tokens agents may show, as a JSON list.",
    )
    oidc_person_claim: str = Field("preferred_username", description="Which claim names a new person.")
    oidc_groups_claim: str = Field("groups", description="Which claim lists a person's groups.")
    oidc_roles: dict[str, list[Role]] = Field(
        default_factory=dict, description="Which roles each group brings, as a JSON object."
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not any(url.startswith(begin) and len(url) > len(begin) for begin in (SQLITE, *POSTGRESQL)):
            # The URL is not repeated: it may hold a password.
            raise ValueError(
                "this is no database Remit can open: write sqlite:/// and a path, as sqlite:///.remit/remit.db,"
                " or postgresql://USER@HOST/DATABASE"
            )
        path = url.removeprefix(SQLITE)
        if url.startswith(SQLITE) and (path == ":memory:" or path.endswith("/") or Path(path).name in ("", "..")):
            raise ValueError(
                "a database is a file that all processes share, and this names none: write its path,"
                " as sqlite:///.remit/remit.db"
            )
        return url

    @field_validator("secret_folders")
    @classmethod
    def _known_folders(cls, folders: list[Path]) -> list[Path]:
        if not all(folder.is_absolute() for folder in folders):
            raise ValueError('a folder of secrets is a path from the root: write for example ["/run/secrets"]')
        return folders

    @field_validator("tool_commands")
    @classmethod
    def _known_commands(cls, commands: list[list[str]]) -> list[list[str]]:
        if not all(command and command[0] for command in commands):
            raise ValueError('a command begins with a program: write for example [["/opt/erp/serve"]]')
        return commands

    @field_validator("url", "otel_endpoint")
    @classmethod
    def _known_server(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("this is no address of a server: write https:// and a host, as https://remit.example.com")
        return url

    @property
    def database(self) -> str:
        """The database as it may be shown: a file's path, or a server's without user and password."""
        if self.database_url.startswith(SQLITE):
            return self.database_url.removeprefix(SQLITE)
        return self.database_url.partition("://")[2].rpartition("@")[2].partition("?")[0]

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files that hold what is Remit's own: the master key, a SQLite database and its queue, with their logs."""
        key = () if self.key_path is None else (self.key_path,)
        if not self.database_url.startswith(SQLITE):
            return key
        database = Path(self.database_url.removeprefix(SQLITE))
        queue = database.with_name(f"{database.stem}.queue.db")  # see storage/beside.py
        return (*key, *(Path(f"{path}{end}") for path in (database, queue) for end in ("", "-wal", "-shm", "-journal")))

    @property
    def key_path(self) -> Path | None:
        """The master key's file; None where the database has no folder and none was named."""
        if self.key_file is not None or not self.database_url.startswith(SQLITE):
            return self.key_file
        return Path(self.database_url.removeprefix(SQLITE)).with_name("remit.key")
