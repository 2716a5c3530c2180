"""Every setting, typed and documented. Each is read from the environment as `REMIT_` and its name in capitals."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SQLITE = "sqlite:///"


class Settings(BaseSettings):
    """How this process runs Remit. Nothing here decides an action; that is in the release."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", frozen=True, extra="ignore")

    database_url: str = Field(
        "sqlite:///.remit/remit.db", description="Where everything is stored: sqlite:/// and a path."
    )
    key_file: Path | None = Field(
        None, description="The master key of sealed payloads; by default remit.key beside the database."
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
    max_payload_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=64 * 1_048_576,
        description="Largest arguments of one action, and largest result that is kept.",
    )
    max_payload_depth: int = Field(32, ge=1, le=100, description="Deepest nesting of arguments.")
    user: str = Field("", description="Who you are on the command line, as `user:name`; by default the login name.")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(SQLITE) or len(url) == len(SQLITE):
            raise ValueError(
                f"{url!r} is no database Remit can open: write sqlite:/// and a path, as sqlite:///.remit/remit.db"
            )
        return url

    @property
    def database_path(self) -> Path:
        """The database file."""
        return Path(self.database_url.removeprefix(SQLITE))

    @property
    def key_path(self) -> Path:
        """The master key's file."""
        return self.key_file or self.database_path.with_name("remit.key")
