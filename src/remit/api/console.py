"""The console's files, from this server's own origin: the page, its scripts, styles and fonts, and nothing else.

The page may load only what comes from here, and no style or script that stands in it without this answer's nonce
(Content Security Policy level 3).
"""

from __future__ import annotations

import gzip
import mimetypes
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remit.asgi.answers import Headers, Receive, Scope, Send

FOLDER = Path(__file__).parents[1] / "console"
"""Where the build puts the console; a checkout that was never built has none."""

PAGE = "index.html"
NONCE = b"__NONCE__"
"""Stands in the page where each answer puts a nonce of its own."""

SERVERS_OWN = ("/api/", "/healthz", "/readyz", "/metrics", "/mcp", "/openai/", "/anthropic/")
"""What is never a page of the console."""

_TEXT = frozenset({".css", ".html", ".js", ".json", ".svg"})


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is and compressed, and how it is answered."""

    body: bytes
    zipped: bytes
    headers: Headers


class ConsoleRoute:
    """An ASGI application for every path that is a file of the console, or a page that its router knows."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read everything, about two megabytes: what is on disk later can not change what is served."""
        self._files = _read(folder)

    @property
    def is_built(self) -> bool:
        """Whether there is a console to serve."""
        return PAGE in self._files

    def takes(self, scope: Scope) -> bool:
        """Whether a request is for this route."""
        path: str = scope["path"]
        if not self.is_built or scope["method"] not in ("GET", "HEAD") or path.startswith(SERVERS_OWN):
            return False
        # Whatever has no dot in its last part is a page; a file that is not here is somebody else's to refuse.
        return path[1:] in self._files or "." not in path.rpartition("/")[2]

    def close(self) -> None:
        """Nothing goes on for long."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer one request."""
        name = scope["path"][1:]
        found = self._files.get(name)
        if found is None or name == PAGE:
            nonce = secrets.token_urlsafe(18).encode()
            body = self._files[PAGE].body.replace(NONCE, nonce)
            headers = [*self._files[PAGE].headers, (b"content-security-policy", policy(nonce))]
        elif b"gzip" in dict(scope["headers"]).get(b"accept-encoding", b"") and found.zipped:
            body, headers = found.zipped, [*found.headers, (b"content-encoding", b"gzip")]
        else:
            body, headers = found.body, list(found.headers)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def policy(nonce: bytes) -> bytes:
    """Return the page's policy: scripts, styles, fonts and requests of this origin only, and no frame around it."""
    return b"; ".join(
        (
            b"default-src 'none'",
            b"script-src 'self'",
            b"style-src 'self' 'nonce-" + nonce + b"'",
            b"font-src 'self'",
            b"img-src 'self' data:",
            b"connect-src 'self'",
            b"manifest-src 'self'",
            b"base-uri 'none'",
            b"form-action 'self'",
            b"frame-ancestors 'none'",
        )
    )


def _read(folder: Path) -> Mapping[str, File]:
    if not (folder / PAGE).is_file():
        return {}
    return {path.relative_to(folder).as_posix(): _file(folder, path) for path in folder.rglob("*") if path.is_file()}


def _file(folder: Path, path: Path) -> File:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    is_text = path.suffix in _TEXT
    # A name with a digest in it never stands for other bytes.
    keeps = path.parent.name == "assets" and path.parent.parent == folder
    headers = [
        (b"content-type", (f"{kind}; charset=utf-8" if is_text else kind).encode()),
        (b"cache-control", b"public, max-age=31536000, immutable" if keeps else b"no-cache"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"vary", b"accept-encoding"),
    ]
    return File(body, gzip.compress(body, 9) if is_text else b"", headers)
