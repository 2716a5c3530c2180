"""A server of a client's settings as a ToolServer document: with references where it had secrets, or not at all."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from remit.domain.text import revealed

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}")
_ANY_VARIABLE = re.compile(r"\$\{[^}]*\}")
_SECRET_WORD = re.compile(r"key|token|secret|pass|pwd|credential|auth|cookie|session|dsn|signature|private", re.I)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_.\-]{16,}")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_UNFIT_VARIABLE = re.compile(r"[^A-Za-z0-9_]+")
_BITS = 3.2
"""Of a character of a text of which no word is made: above it a long one is taken for a secret."""


class LeftAlone(ValueError):
    """A server that is not taken over. Says why, without repeating a value."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One ToolServer and what a person has to do for it.

    Attributes:
        variables: which have to be set where the server runs, because a secret stood in the settings.
    """

    document: Mapping[str, object]
    variables: tuple[str, ...] = ()


def drafted(name: str, server: object, folder: Path | None, taken: frozenset[str]) -> Draft:
    """Return a server of the settings as a document. Raises LeftAlone."""
    if not isinstance(server, Mapping):
        raise LeftAlone("it is no table")
    if server.get("type") == "sse" or server.get("transport") == "sse":
        raise LeftAlone("it speaks the HTTP+SSE transport of 2024, which is not spoken here")
    own = _name(name, taken)
    needed: list[str] = []
    document: dict[str, object] = {"kind": "ToolServer", "name": own}
    if isinstance(server.get("url"), str):
        document |= _web(own, server, needed)
    elif isinstance(server.get("command"), str):
        document |= _process(own, server, needed, folder)
    else:
        raise LeftAlone("it has neither a command nor a URL")
    return Draft(document, tuple(dict.fromkeys(needed)))


def _process(
    own: str, server: Mapping[str, Any], needed: list[str], folder: Path | None
) -> Iterator[tuple[str, object]]:
    command = [server["command"], *(str(each) for each in server.get("args") or ())]
    for number, word in enumerate(command):
        if _ANY_VARIABLE.search(word):
            raise LeftAlone("its command holds a variable: write it out, or pass it through `env`")
        before = command[number - 1] if number else ""
        if _is_secret(before if before.startswith("-") else "", word) or _assigns_secret(word):
            raise LeftAlone(
                "an argument of its command looks like a secret: pass it through `env`, then run this again"
            )
    yield "command", command
    env = {str(key): _reference(own, str(key), str(value), needed) for key, value in _table(server.get("env"))}
    if server.get("envFile"):
        raise LeftAlone("it reads its variables from a file: write them into `env`, then run this again")
    if env:
        yield "env", env
    where = server.get("cwd") or (str(folder) if folder is not None else "")
    if where:
        yield "folder", str(where)


def _web(own: str, server: Mapping[str, Any], needed: list[str]) -> Iterator[tuple[str, object]]:
    url = str(server["url"])
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise LeftAlone("its URL is none") from None
    if parts.scheme not in ("http", "https") or not host:
        raise LeftAlone("its URL is none")
    if _ANY_VARIABLE.search(url) or parts.username or parts.password or _secret_in_query(parts.query):
        raise LeftAlone("its URL holds a variable or a secret: put that into `headers`, then run this again")
    if any(_is_secret("", part) for part in parts.path.split("/")):
        raise LeftAlone("its URL's path looks like a secret: write the ToolServer yourself")
    yield "url", url
    headers = {}
    for key, value in (*_table(server.get("headers")), *_table(server.get("http_headers"))):
        headers[str(key)] = _reference(own, str(key), str(value), needed, always=True)
    headers |= {str(key): f"env:{value}" for key, value in _table(server.get("env_http_headers"))}
    token = server.get("bearer_token_env_var")
    if isinstance(token, str) and token:
        # The variable holds the token alone, the header has a word before it.
        needed.append(_variable(own, "AUTHORIZATION"))
        headers["Authorization"] = f"env:{needed[-1]}"
    if headers:
        yield "headers", headers
    if _is_private(host):
        yield "private", True


def _reference(own: str, key: str, value: str, needed: list[str], *, always: bool = False) -> str:
    """Return a value as it may stand in a workspace: as it is, or as a reference to where it has to be put."""
    alone = _VARIABLE.fullmatch(value)
    if alone is not None:
        return f"env:{alone[1]}"
    harmless = not (always or _is_secret(key, value) or _ANY_VARIABLE.search(value) or not value.strip())
    if harmless and value.isprintable() and not value.startswith(("env:", "file:")):
        return value
    variable = _variable(own, key)
    needed.append(variable)
    return f"env:{variable}"


def _variable(own: str, key: str) -> str:
    """Return a variable's name: of the server and the key, so that two servers do not share one by chance."""
    return _UNFIT_VARIABLE.sub("_", f"{own}_{key}").strip("_").upper()[:128]


def _is_secret(name: str, value: str) -> bool:
    if name and _SECRET_WORD.search(name) and value:
        return True
    if _TOKEN.fullmatch(value) is None or "/" in value[:2] or value.count("/") > 1 or value.endswith((".js", ".py")):
        return bool(re.search(r"://[^/\s]*:[^/\s]*@", value))
    mixed = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return mixed and "@" not in value and _bits(value) > _BITS and not _is_package(value)


def _is_package(value: str) -> bool:
    """Tell whether a text is words with dashes, as packages and modules have: those have few digits."""
    digits = sum(char.isdigit() for char in value)
    return digits * 4 < len(value) and bool(re.fullmatch(r"[a-z0-9]+([._\-/][a-z0-9]+)+", value))


def _assigns_secret(word: str) -> bool:
    name, equals, value = word.partition("=")
    return bool(equals) and _is_secret(name, value)


def _secret_in_query(query: str) -> bool:
    return any(_is_secret(*part.partition("=")[::2]) for part in query.split("&") if part)


def _bits(text: str) -> float:
    counts = [text.count(char) / len(text) for char in set(text)]
    return -sum(share * math.log2(share) for share in counts)


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")) or "." not in host + ":":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback


def _name(name: str, taken: frozenset[str]) -> str:
    stem = _UNFIT.sub("-", revealed(name)).strip("._-")[:100] or "server"
    number = 2
    found = stem
    while found in taken:
        found, number = f"{stem}-{number}", number + 1
    return found


def _table(found: object) -> list[tuple[Any, Any]]:
    return list(found.items()) if isinstance(found, Mapping) else []
