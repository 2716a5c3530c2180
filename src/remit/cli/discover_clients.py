"""Where the agents of a machine keep which MCP servers and model endpoints they use, and how each writes it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

LARGEST = 64 * 1_048_576
"""Most bytes of a settings file that are read."""
MOST_SERVERS = 1_000

Settings = MutableMapping[str, Any]


class Unreadable(ValueError):
    """A settings file that can not be read, or not be written back as it was. Says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model endpoint in a settings file.

    Attributes:
        name: what a person calls the place.
        table, key: where its URL stands. `path`: of what stands for it at Remit.
        secrets: keys of the table that hold the endpoint's own credential. `variable`: the key that names where it is.
    """

    name: str
    table: Settings
    key: str
    path: str
    secrets: tuple[str, ...] = ()
    variable: str = ""


def _none(settings: Settings) -> Iterator[Endpoint]:  # noqa: ARG001
    return iter(())


@dataclass(frozen=True, slots=True)
class Client:
    """How one kind of settings file names servers.

    Attributes:
        program: whose it is.
        tables: the tables of servers in such a file; where there is none yet it is not made.
        entry: what routes the program through a URL, under the key of an agent in a variable of the environment.
        endpoints: the model endpoints that such a file names.
    """

    program: str
    tables: Callable[[Settings], Iterator[Settings]]
    entry: Callable[[str, str], dict[str, Any]]
    endpoints: Callable[[Settings], Iterator[Endpoint]] = _none


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """One file that is there.

    Attributes:
        folder: of the project it belongs to; None for one of the user.
    """

    path: Path
    client: Client
    folder: Path | None = None
    raw: bytes = field(default=b"", repr=False)

    @property
    def is_toml(self) -> bool:
        """Whether it is TOML; else it is JSON."""
        return self.path.suffix == ".toml"


def _table(settings: Settings, *path: str) -> Iterator[Settings]:
    found: Any = settings
    for part in path:
        found = found.get(part) if isinstance(found, MutableMapping) else None
    if isinstance(found, MutableMapping):
        yield found


def _claude(settings: Settings) -> Iterator[Settings]:
    yield from _table(settings, "mcpServers")
    projects = settings.get("projects")
    for project in projects.values() if isinstance(projects, MutableMapping) else ():
        if isinstance(project, MutableMapping):
            yield from _table(project, "mcpServers")


def _claude_endpoints(settings: Settings) -> Iterator[Endpoint]:
    secrets = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    for table in _table(settings, "env"):
        if isinstance(table.get("ANTHROPIC_BASE_URL"), str):
            yield Endpoint("env.ANTHROPIC_BASE_URL", table, "ANTHROPIC_BASE_URL", "/anthropic", secrets)


def _codex_endpoints(settings: Settings) -> Iterator[Endpoint]:
    providers = settings.get("model_providers")
    for name, table in providers.items() if isinstance(providers, MutableMapping) else ():
        if isinstance(table, MutableMapping) and isinstance(table.get("base_url"), str):
            yield Endpoint(f"model_providers.{name}", table, "base_url", "/openai/v1", (), "env_key")


def _vscode(settings: Settings) -> Iterator[Settings]:
    yield from _table(settings, "servers")
    yield from _table(settings, "mcp", "servers")


def _bearer(variable: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {variable}"}


CLAUDE = Client(
    "Claude Code",
    _claude,
    lambda url, name: {"type": "http", "url": url, "headers": _bearer(f"${{{name}}}")},
    _claude_endpoints,
)
CURSOR = Client(
    "Cursor",
    lambda settings: _table(settings, "mcpServers"),
    lambda url, name: {"url": url, "headers": _bearer(f"${{env:{name}}}")},
)
VSCODE = Client(
    "VS Code",
    _vscode,
    lambda url, name: {"type": "http", "url": url, "headers": _bearer(f"${{env:{name}}}")},
)
CODEX = Client(
    "Codex",
    lambda settings: _table(settings, "mcp_servers"),
    lambda url, name: {"url": url, "bearer_token_env_var": name},
    _codex_endpoints,
)

_OF_USER: tuple[tuple[str, Client], ...] = (
    (".claude.json", CLAUDE),
    (".claude/settings.json", CLAUDE),
    (".cursor/mcp.json", CURSOR),
    (".config/Code/User/mcp.json", VSCODE),
    (".config/Code/User/settings.json", VSCODE),
    ("Library/Application Support/Code/User/mcp.json", VSCODE),
    ("Library/Application Support/Code/User/settings.json", VSCODE),
    (".codex/config.toml", CODEX),
)
_OF_PROJECT: tuple[tuple[str, Client], ...] = (
    (".mcp.json", CLAUDE),
    (".claude/settings.json", CLAUDE),
    (".claude/settings.local.json", CLAUDE),
    (".cursor/mcp.json", CURSOR),
    (".vscode/mcp.json", VSCODE),
    (".codex/config.toml", CODEX),
)


def settings_files(home: Path, projects: tuple[Path, ...]) -> Iterator[SettingsFile]:
    """Yield the settings files that are there, each once."""
    seen: set[Path] = set()
    places = [(home / name, client, None) for name, client in _OF_USER]
    for project in projects:
        places += [(project / name, client, project.resolve()) for name, client in _OF_PROJECT]  # type: ignore[misc]
    for path, client, folder in places:
        real = path.resolve()
        if real in seen or not real.is_file():
            continue
        seen.add(real)
        with real.open("rb") as file:
            yield SettingsFile(real, client, folder, file.read(LARGEST + 1))


def parsed(file: SettingsFile) -> Settings:
    """Return a file's settings, to be changed in place. Raises Unreadable."""
    if len(file.raw) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST:,} bytes")
    try:
        text = file.raw.decode("utf-8")
        found = _toml(text) if file.is_toml else json.loads(text)
    except (ValueError, RecursionError):
        kind = "TOML" if file.is_toml else "JSON without comments"
        raise Unreadable(f"it is no {kind}: change it by hand") from None
    if not isinstance(found, MutableMapping):
        raise Unreadable("it holds no settings")
    return found


def _toml(text: str) -> Settings:
    import tomlkit  # 30 ms: only where there is such a file

    tomllib.loads(text)  # it knows more mistakes
    return cast("Settings", tomlkit.parse(text))


def written(file: SettingsFile, settings: Mapping[str, Any]) -> bytes:
    """Return settings as the bytes of their file; what was not changed looks as it did."""
    text = file.raw.decode("utf-8")
    if file.is_toml:
        import tomlkit

        return tomlkit.dumps(settings).encode()
    return (json.dumps(settings, indent=_indent(text), ensure_ascii=False) + _ending(text)).encode()


def _indent(text: str) -> int | str | None:
    if "\n" not in text.strip():
        return None
    line = next((line for line in text.split("\n")[1:] if line.strip()), "")
    blank = line[: len(line) - len(line.lstrip())]
    return blank or 2


def _ending(text: str) -> str:
    return text[len(text.rstrip()) :]
