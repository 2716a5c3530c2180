"""Kind ToolServer: an MCP server whose tools agents reach through the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from remit.domain.ids import ServerName
from remit.domain.upstream import ToolServer
from remit.workspace.form import Duration, Matching, Name, Text, TextOrReference, Whole, YesNo
from remit.workspace.record import Field, ListOf, MapOf, Record, Values
from remit.workspace.report import At

SERVER_NAME = Name(ServerName, "erp")
_VARIABLE = Matching(str, r"(?!REMIT_)[A-Za-z_][A-Za-z0-9_]{0,127}", "a variable's name", "ERP_DATABASE")
_HEADER = Matching(str, r"[A-Za-z0-9-]{1,100}", "a header's name", "Authorization")
_URL = Text("https://tools.example.com/mcp", 2_000)

_NAME = Field[ServerName]("name", SERVER_NAME, "the server's name; tools name it in `server`", required=True)
_COMMAND = Field[tuple[str, ...]](
    "command",
    ListOf(Text("python", 1_000), at_least=1),
    "program and arguments of a server that speaks on its standard streams",
    (),
)
_ENV = Field[Mapping[str, str]](
    "env", MapOf(TextOrReference(), _VARIABLE), "variables of that program: texts, or references to secrets", {}
)
_FOLDER = Field[str]("folder", Text("/srv/erp", 1_000), "where the program is started", "")
_ADDRESS = Field[str]("url", _URL, "address of a server that speaks streamable HTTP", "")
_HEADERS = Field[Mapping[str, str]](
    "headers", MapOf(TextOrReference(), _HEADER), "sent with each request: texts, or references to secrets", {}
)
_PRIVATE = Field[bool]("private", YesNo(), "whether the URL may lead to a private or loopback address", False)
_START = Field[int]("start_within", Duration(), "how long it may take to start", 15)
_ANSWER = Field[int]("answer_within", Duration(), "how long it may take to answer a call", 60)
_CONCURRENCY = Field[int]("concurrency", Whole(1, 1_024), "most calls at the same time", 16)


def web_address(url: str, place: At, values: Values, field: Field[str]) -> bool:
    """Report what is no address of the web, or holds a credential. Tell whether it is one."""
    remedy = "Write https:// and a host; put credentials into `headers` or `credential` as references"
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    else:
        fits = fits and parts.username is None and parts.password is None and not parts.fragment
    if not fits:
        place.key(field.name).wrong(values.place_of(field), "is no address without credentials", remedy)
    return fits


def _server(values: Values, at: At) -> ToolServer | None:
    command, url = values[_COMMAND], values[_ADDRESS]
    theirs = (_HEADERS, _PRIVATE) if command else (_ENV, _FOLDER)
    misplaced: list[Field[Mapping[str, str]] | Field[bool] | Field[str]] = [each for each in theirs if each in values]
    for each in misplaced:
        said = f"a server with a `{'command' if command else 'url'}` has no `{each.name}`"
        at.key(each.name).wrong(values.place_of(each), said, "Remove it")
    if misplaced or (url and not web_address(url, at, values, _ADDRESS)):
        return None
    return ToolServer(
        name=values[_NAME],
        command=command,
        env=values[_ENV],
        folder=values[_FOLDER],
        url=url,
        headers=values[_HEADERS],
        private=values[_PRIVATE],
        start_s=values[_START],
        answer_s=values[_ANSWER],
        concurrency=values[_CONCURRENCY],
    )


TOOL_SERVER = Record(
    "a ToolServer",
    (_NAME, _COMMAND, _ENV, _FOLDER, _ADDRESS, _HEADERS, _PRIVATE, _START, _ANSWER, _CONCURRENCY),
    _server,
    (("command", "url"),),
)
