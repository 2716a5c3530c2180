"""The settings, as an agent meets them: what is wrong with one is an error of the sdk's own."""

from __future__ import annotations

from pydantic import ValidationError

from remit.sdk.errors import Refused
from remit.settings import Settings


def settings_from(database_url: str | None = None) -> Settings:
    """Return the settings, on another database where one is given. Raises Refused for one that can not be right."""
    try:
        return Settings() if database_url is None else Settings(database_url=database_url)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        said = name if database_url is not None and name == "database_url" else f"REMIT_{name.upper()}"
        raise Refused(f"{said}: {first['msg']}") from None
