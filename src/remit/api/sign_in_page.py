"""The page a sign-in link opens. The secret stands behind the `#`, which no browser sends and no server logs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from fastapi.responses import HTMLResponse

from remit.api.access import PUBLIC, allow
from remit.api.route import Route

_STYLE = (
    "body{font:16px system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}"
)
_SCRIPT = """
const button = document.querySelector("button"), said = document.querySelector("p");
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
button.hidden = !secret;
if (!secret) said.textContent = "This link holds nothing. Ask for a new one.";
button.addEventListener("click", async () => {
  button.disabled = true;
  const answer = await fetch("/api/v1/session/link", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({secret}),
  });
  const told = await answer.json();
  button.hidden = true;
  said.textContent = answer.ok ? "You are signed in as " + told.person + "." : told.detail;
});
"""
_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    f"<title>Sign in to Remit</title><style>{_STYLE}</style><h1>Remit</h1>"
    f"<p>This link signs you in once.</p><button>Sign in</button><script>{_SCRIPT}</script></html>"
)


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


_POLICY = (
    f"default-src 'none'; connect-src 'self'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)};"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


class SignInPage:
    """The page."""

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/sign-in", self.page, None, form=HTMLResponse)

    @allow(PUBLIC)
    def page(self) -> HTMLResponse:
        """Return the page that a sign-in link opens. A person presses its button, so that no preview uses it up."""
        headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(_PAGE, headers=headers)
