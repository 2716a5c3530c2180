"""How the console's files are answered, on a folder of the test's own."""

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest

from remit.api.console import ConsoleRoute

PAGE = '<html><meta content="__NONCE__"></html>'


@pytest.fixture
def route(tmp_path: Path) -> ConsoleRoute:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text(PAGE, "utf-8")
    (tmp_path / "assets/page-1f.js").write_text("let a = 1\n" * 50, "utf-8")
    (tmp_path / "boot.js").write_text("1", "utf-8")
    return ConsoleRoute(tmp_path)


def scope(path: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "path": path,
        "method": method,
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def answered(route: ConsoleRoute, path: str, method: str = "GET", **headers: str) -> tuple[dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    asyncio.run(route(scope(path, method, **headers), receive, send))
    assert sent[0]["status"] == 200
    return dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("path", ["/", "/runs", "/runs/run_1", "/sign-in", "/index.html", "/assets/page-1f.js"])
def test_pages_and_files_are_taken(route: ConsoleRoute, path: str) -> None:
    assert route.takes(scope(path))


@pytest.mark.parametrize(
    "path", ["/api/v1/runs", "/metrics", "/healthz", "/favicon.ico", "/assets/../server.py", "/assets/gone.js", "/.env"]
)
def test_nothing_else_is(route: ConsoleRoute, path: str) -> None:
    assert not route.takes(scope(path))


def test_only_reading_is(route: ConsoleRoute) -> None:
    assert not route.takes(scope("/runs", "POST"))
    assert route.takes(scope("/runs", "HEAD"))


def test_a_server_without_a_built_console_leaves_every_path_to_others(tmp_path: Path) -> None:
    route = ConsoleRoute(tmp_path)
    assert not route.is_built
    assert not route.takes(scope("/"))


def test_every_page_has_a_nonce_of_its_own_and_a_policy_that_names_it(route: ConsoleRoute) -> None:
    nonces = set()
    for path in ("/", "/runs", "/index.html"):
        headers, body = answered(route, path)
        nonce = body.decode().split('"')[1]
        nonces.add(nonce)
        policy = headers[b"content-security-policy"].decode()
        assert f"style-src 'self' 'nonce-{nonce}'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers[b"cache-control"] == b"no-cache"
    assert len(nonces) == 3


def test_a_name_with_a_digest_is_kept_for_ever_and_sent_compressed_where_that_is_understood(
    route: ConsoleRoute,
) -> None:
    plain, body = answered(route, "/assets/page-1f.js")
    headers, zipped = answered(route, "/assets/page-1f.js", accept_encoding="br, gzip")
    assert b"immutable" in headers[b"cache-control"]
    assert b"content-encoding" not in plain
    assert gzip.decompress(zipped) == body
    assert len(zipped) < len(body)
    assert answered(route, "/boot.js")[0][b"cache-control"] == b"no-cache"


def test_a_head_has_the_length_and_no_body(route: ConsoleRoute) -> None:
    headers, body = answered(route, "/assets/page-1f.js", "HEAD")
    assert (headers[b"content-length"], body) == (b"500", b"")
