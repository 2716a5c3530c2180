"""`remit discover`: what the agents of this machine use, and how they come to use it through Remit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from remit.cli import discover_backup
from remit.cli.discover_clients import Settings, SettingsFile, Unreadable, parsed, settings_files, written
from remit.cli.discover_drafts import Draft, LeftAlone, drafted
from remit.cli.output import TABLE, document, line, output_option
from remit.cli.session import Failed, work_folder_option
from remit.domain.text import revealed

EXAMPLES = """\b
Examples:
  remit discover
  remit discover --dir company --apply
  remit discover --project ~/code/shop --url https://remit.example.com
  remit discover --undo

Without --apply nothing is changed. With it, servers/discovered.yaml is
written, and each settings file names one server, `remit`, in their place.
Copies of what was there are kept; --undo puts them back byte for byte.

Exit code: 0 done, 2 a file can not be written."""

KEY = "REMIT_API_KEY"
"""The variable in which an agent's program finds its key."""
DRAFTS = "servers/discovered.yaml"
_ENDPOINTS = {
    "OPENAI_BASE_URL": "/openai/v1",
    "OPENAI_API_BASE": "/openai/v1",
    "ANTHROPIC_BASE_URL": "/anthropic",
}
"""Variables that name a model endpoint, and what stands for it at Remit."""


@dataclass(slots=True)
class Found:
    """All that was found, and what would be written.

    Attributes:
        drafts: by the name of the server in the workspace.
        files: the settings as they would be.
    """

    drafts: dict[str, Draft] = field(default_factory=dict)
    files: dict[Path, bytes] = field(default_factory=dict)
    servers: list[dict[str, object]] = field(default_factory=list)
    unreadable: list[dict[str, str]] = field(default_factory=list)
    endpoints: list[dict[str, str]] = field(default_factory=list)


@click.command(epilog=EXAMPLES)
@work_folder_option
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A project whose settings are looked at; by default the current folder.",
)
@click.option(
    "--url", default="", metavar="URL", help="Remit's server; by default REMIT_PUBLIC_URL, http://127.0.0.1:7070."
)
@click.option("--apply", "doing", is_flag=True, help="Write drafts to DIR and route the settings through Remit.")
@click.option("--undo", is_flag=True, help="Put back what the last --apply changed.")
@output_option
@click.pass_context
def discover(
    ctx: click.Context, folder: Path, projects: tuple[Path, ...], url: str, doing: bool, undo: bool, output: str
) -> None:
    """Find the MCP servers and model endpoints that agents here use."""
    if doing and undo:
        raise click.UsageError("--apply and --undo are one another's opposite: give one.", ctx)
    try:
        if undo:
            _undo(output)
            return
        found = _found(projects or (Path.cwd(),), _address(url), folder)
        backup = discover_backup.change(_room(), _changes(found, folder)) if doing and found.files else None
    except OSError as error:
        text = f"{error.filename}: {error.strerror}. What was written before it, `remit discover --undo` puts back"
        raise Failed(text) from None
    if output != TABLE:
        document(_json(found, folder, backup), output)
    else:
        _write(found, folder, backup)


def _address(url: str) -> str:
    found = (url or os.environ.get("REMIT_PUBLIC_URL") or "http://127.0.0.1:7070").rstrip("/")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise Failed(f"{found} is no address of a server: write https:// and a host")
    return found


def _room() -> Path:
    """Where copies are kept."""
    kept = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(kept) / "remit" / discover_backup.FOLDER


# -- finding


def _found(projects: tuple[Path, ...], url: str, folder: Path) -> Found:
    found = Found()
    known: dict[str, str] = {}
    taken = set(_names_in(folder))
    for file in settings_files(Path.home(), projects):
        try:
            settings = parsed(file)
        except Unreadable as error:
            found.unreadable.append({"file": str(file.path), "program": file.client.program, "why": str(error)})
            continue
        routed = _route(file, settings, url, found, known, taken)
        if _route_models(file, settings, url, found) or routed:
            found.files[file.path] = written(file, settings)
    for name, path in _ENDPOINTS.items():
        if os.environ.get(name):
            there = urlsplit(os.environ[name])
            host = revealed(there.hostname or "?")
            found.endpoints.append({"file": "", "variable": name, "host": host, "instead": f"{url}{path}"})
    return found


def _names_in(folder: Path) -> Iterator[str]:
    """Yield the names that the workspace's servers have already, but for drafts, which are written anew."""
    from remit.workspace.files import FolderUnreadable, read_folder
    from remit.workspace.reading import servers_of

    try:
        files = read_folder(folder).files
    except FolderUnreadable:
        return
    yield from (str(name) for name in servers_of({path: data for path, data in files.items() if path != DRAFTS}))


def _route(
    file: SettingsFile, settings: Settings, url: str, found: Found, known: dict[str, str], taken: set[str]
) -> bool:
    """Take the servers of one file over, in its settings too. Return whether these changed."""
    changed = False
    for table in file.client.tables(settings):
        here = False
        for name in list(table):
            if _is_ours(table[name], url):
                continue
            told: dict[str, object] = {
                "program": file.client.program,
                "file": str(file.path),
                "name": revealed(str(name)),
            }
            try:
                told["server"] = _taken_over(str(name), table[name], file, found, known, taken)
            except LeftAlone as why:
                told["left_alone"] = str(why)
            else:
                del table[name]
                here = True
            found.servers.append(told)
        if here:
            table["remit"] = file.client.entry(f"{url}/mcp", KEY)
            changed = True
    return changed


def _route_models(file: SettingsFile, settings: Settings, url: str, found: Found) -> bool:
    """Point the model endpoints of one file at Remit. Return whether there were any."""
    changed = False
    for endpoint in file.client.endpoints(settings):
        before, after = str(endpoint.table[endpoint.key]), f"{url}{endpoint.path}"
        if before.rstrip("/") == after:
            continue
        endpoint.table[endpoint.key] = after
        for secret in endpoint.secrets:
            endpoint.table.pop(secret, None)
        if endpoint.variable:
            endpoint.table[endpoint.variable] = KEY
        host = revealed(urlsplit(before).hostname or "?")
        found.endpoints.append({"file": str(file.path), "variable": endpoint.name, "host": host, "instead": after})
        changed = True
    return changed


def _taken_over(
    name: str, server: Any, file: SettingsFile, found: Found, known: dict[str, str], taken: set[str]
) -> str:
    """Return the name that a server has in the workspace; one that two programs use alike has one."""
    draft = drafted(name, server, file.folder, frozenset(taken))
    alike = repr(sorted((key, value) for key, value in draft.document.items() if key not in ("name", "env", "headers")))
    alike += repr(server.get("env")) + repr(server.get("headers"))
    if alike in known:
        return known[alike]
    own = str(draft.document["name"])
    found.drafts[own] = draft
    known[alike] = own
    taken.add(own)
    return own


def _is_ours(server: object, url: str) -> bool:
    return isinstance(server, Mapping) and str(server.get("url", "")).rstrip("/") == f"{url}/mcp"


# -- writing


def _changes(found: Found, folder: Path) -> dict[Path, bytes]:
    from remit.workspace.yaml_text import written as as_yaml

    head = "# Drafts by `remit discover`: look at each, then `remit tools import NAME`.\n"
    text = "---\n".join(as_yaml(draft.document) for draft in found.drafts.values())
    target = (folder / DRAFTS).resolve()
    before = target.read_text("utf-8") if target.exists() else ""
    kept = f"{before.rstrip()}\n---\n" if before.strip() else head
    drafts = {target: f"{kept}{text}".encode()} if found.drafts else {}
    return {**drafts, **found.files}


def _undo(output: str) -> None:
    undone = discover_backup.undo(_room())
    if undone is None:
        raise Failed("there is nothing to undo: `remit discover --apply` changed nothing that was not put back")
    if output != TABLE:
        kept = [{"file": str(path), "copy": str(copy)} for path, copy in undone.kept]
        document({"restored": [str(path) for path in undone.restored], "changed_since": kept}, output)
        return
    for path in undone.restored:
        line(f"put back {path}")
    for path, copy in undone.kept:
        line(f"{path} was changed since and is left as it is; what it was is in {copy}", style="yellow")


def _json(found: Found, folder: Path, backup: Path | None) -> dict[str, object]:
    return {
        "servers": found.servers,
        "drafts": [dict(draft.document) for draft in found.drafts.values()],
        "variables": _variables(found),
        "files": [str(path) for path in found.files],
        "unreadable": found.unreadable,
        "endpoints": found.endpoints,
        "written": str((folder / DRAFTS).resolve()) if backup is not None and found.drafts else "",
        "backup": str(backup) if backup is not None else "",
    }


def _variables(found: Found) -> dict[str, list[str]]:
    return {name: list(draft.variables) for name, draft in found.drafts.items() if draft.variables}


def _write(found: Found, folder: Path, backup: Path | None) -> None:
    did = backup is not None
    for one in found.servers:
        where = f"{one['program']}: {one['name']} in {one['file']}"
        if "left_alone" in one:
            line(f"{where} is left alone: {one['left_alone']}", style="yellow")
        else:
            line(f"{where} {'is now' if did else 'would be'} the ToolServer `{one['server']}`")
    for each in found.unreadable:
        line(f"{each['program']}: {each['file']} is left alone: {each['why']}", style="yellow")
    for path in found.files:
        line(f"{path} {'names' if did else 'would name'} `remit` instead")
    for each in found.endpoints:
        if each["file"]:
            leads = f"{'leads now' if did else 'would lead'} to {each['instead']} instead of {each['host']}"
            line(f"{each['file']}: {each['variable']} {leads}: write a Model for it, with its key, into models/")
        else:
            line(f"{each['variable']} leads to {each['host']}: set it to {each['instead']}, and the key to an agent's")
    if not found.servers and not found.endpoints and not found.unreadable:
        line("No MCP server and no model endpoint was found.")
    _what_next(found, folder, backup)


def _what_next(found: Found, folder: Path, backup: Path | None) -> None:
    if not found.files:
        return
    if backup is None:
        line(f"Nothing was changed. `remit discover --apply` writes {folder / DRAFTS} and these settings.")
        return
    if found.drafts:
        line(f"wrote {folder / DRAFTS}")
    line(f"What was there is in {backup}; `remit discover --undo` puts it back.")
    for name, variables in _variables(found).items():
        line(f"Set {', '.join(variables)} where the Remit server runs: `{name}` had secrets in the settings.")
    if found.drafts:
        line("Then `remit tools import NAME` for each, grant the tools to agents, and `remit apply`.")
    line(f"Make a key for each agent with `remit keys`, and set {KEY} to it where the agent's program runs.")
