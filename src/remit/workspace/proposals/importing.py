"""Importing a server's tools into a folder: what was read, how it compares, and what is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from remit.domain.ids import ServerName
from remit.domain.release import Tool
from remit.domain.upstream import ToolServer, Via
from remit.workspace.files import read_folder
from remit.workspace.proposals.accepted import Accepted, Key, read_accepted, write_accepted
from remit.workspace.proposals.comparison import Compared, Offered, Standing, compared
from remit.workspace.proposals.proposal import proposed
from remit.workspace.proposals.schemas import NotImportable
from remit.workspace.proposals.tool_text import NotFound, pinned, replaced
from remit.workspace.reading import servers_of, tools_of
from remit.workspace.text_checks import MAX_BYTES


class ImportRefused(Exception):
    """The folder is not as it must be. The message says what to do."""


@dataclass(slots=True)
class Import:
    """One server's tools on their way into one folder.

    Attributes:
        said: what a person should look at in what was written.
    """

    folder: Path
    server: ToolServer
    compared: tuple[Compared, ...] = ()
    said: list[str] = field(default_factory=list)
    _tools: dict[str, tuple[Tool, str]] = field(default_factory=dict)
    _accepted: dict[Key, Accepted] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, server: str) -> Import:
        """Read a folder. Raises ImportRefused, and FolderUnreadable."""
        files = read_folder(folder).files
        servers = servers_of(files)
        found = servers.get(ServerName(server))
        if found is None:
            known = f"it has {', '.join(sorted(servers))}" if servers else "it has none"
            text = f"{folder} has no ToolServer `{server}`: {known}. Write it into servers/*.yaml"
            raise ImportRefused(text)
        tools = {str(written.value.name): (written.value, written.source.file) for written in tools_of(files)}
        return cls(folder, found, _tools=tools, _accepted=read_accepted(folder, found.name))

    def compare(self, offered: Sequence[Offered]) -> None:
        """Compare what the server offers with what the folder has."""
        tools = {name: tool for name, (tool, _) in self._tools.items()}
        self.compared = compared(self.server.name, offered, tools, self._accepted)

    def write(self, chosen: Iterable[Compared]) -> tuple[str, ...]:
        """Write proposals for what is new, and pins of what was chosen. Return which files were written."""
        accepted = {one.name for one in chosen}
        texts: dict[str, str] = {}
        for one in self.compared:
            if one.standing is Standing.NEW and one.proposal is not None and one.offered is not None:
                self._add(texts, one.proposal.text(one.offered.digest if one.name in accepted else ""))
            elif one.standing in (Standing.PROPOSED, Standing.CHANGED) and one.name in accepted:
                self._pin(texts, one)
        for path, text in texts.items():
            if len(text.encode()) > MAX_BYTES:
                raise ImportRefused(
                    f"{path} would have more than {MAX_BYTES:,} bytes: move some of its tools elsewhere"
                )
        for path, text in texts.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", newline="")
        self._keep(accepted)
        return tuple(texts)

    def _text(self, texts: dict[str, str], path: str) -> str:
        found = texts.get(path)
        if found is not None:
            return found
        file = self.folder / path
        return file.read_bytes().decode("utf-8") if file.exists() else ""

    def _add(self, texts: dict[str, str], document: str) -> None:
        path = f"tools/{self.server.name}.yaml"
        before = self._text(texts, path)
        if before and not before.endswith("\n"):
            before += "\n"
        texts[path] = f"{before}---\n{document}" if before.strip() else document

    def _pin(self, texts: dict[str, str], one: Compared) -> None:
        assert one.offered is not None
        path = self._tools[one.name][1]
        text = self._text(texts, path)
        try:
            text = self._refreshed(pinned(text, one.name, one.offered.digest), one)
        except NotFound:
            raise ImportRefused(
                f"{path} holds no tool `{one.name}` that can be changed: write its pin yourself"
            ) from None
        texts[path] = text

    def _refreshed(self, text: str, one: Compared) -> str:
        """Bring what nobody has edited up to what was accepted; say what somebody has, and differs now."""
        assert one.offered is not None
        before = self._before(one)
        if one.offered.via is not Via.TOOL or one.proposal is None or one.tool is None:
            return text
        if before is None:
            if one.tool.input_schema != one.proposal.document.get("input"):
                self.said.append(f"{one.name}: its `input` stays as it is in the file; the server's is another")
            return text
        for key in ("description", "input"):
            old, new = before.get(key), one.proposal.document.get(key)
            if old == new:
                continue
            changed = None if old is None or new is None else replaced(text, one.name, key, old, new)
            if changed is None:
                self.said.append(f"{one.name}: its `{key}` was edited and stays; the server's is another now")
            text = text if changed is None else changed
        return text

    def _before(self, one: Compared) -> dict[str, object] | None:
        """Return what was proposed for a tool when it was accepted last."""
        assert one.offered is not None
        known = self._accepted.get(one.offered.key)
        if known is None or one.tool is None or known.digest != one.tool.pin or not isinstance(known.content, dict):
            return None
        try:
            return dict(proposed(self.server.name, one.offered.via, one.offered.name, known.content, ()).document)
        except NotImportable:
            return None

    def _keep(self, accepted: set[str]) -> None:
        """Keep the definitions as they were accepted, so that the next change can be shown."""
        known = dict(self._accepted)
        for one in self.compared:
            pinned_now = one.name in accepted or one.standing is Standing.ACCEPTED
            if one.offered is not None and pinned_now:
                known[one.offered.key] = Accepted(one.offered.digest, one.offered.content)
        if known != self._accepted:
            write_accepted(self.folder, self.server.name, known)
