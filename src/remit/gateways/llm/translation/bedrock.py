"""Amazon Bedrock: where its converse interface is, and how a request to it is signed.

Signature Version 4, as Amazon's general reference lays it down under "Create a signed AWS API request". A credential is
a Bedrock API key, sent as a bearer token, or `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` behind it where
there is one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from yarl import URL

from remit.domain.clock import MICROS_PER_SECOND, Instant

SERVICE = "bedrock"
_ALGORITHM = "AWS4-HMAC-SHA256"
_ACCESS_KEY = re.compile(r"([A-Z0-9]{16,128}):([^:\s]{16,128})(?::(\S{1,4096}))?")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What requests are signed with."""

    id: str
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)


def access_key_in(credential: str) -> AccessKey | None:
    """Return the access key that a credential is; None where it is a Bedrock API key."""
    found = _ACCESS_KEY.fullmatch(credential)
    return None if found is None else AccessKey(found[1], found[2], found[3] or "")


def path_of(upstream: str, *, is_stream: bool) -> str:
    """Return the path of a model's converse interface."""
    return f"/model/{quote(upstream, safe='')}/{'converse-stream' if is_stream else 'converse'}"


def signed(
    key: AccessKey, url: str, headers: Mapping[str, str], body: bytes, region: str, now: Instant
) -> dict[str, str]:
    """Return the headers with those that sign a POST request."""
    at = datetime.fromtimestamp(now / MICROS_PER_SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    target = URL(url)  # as the way out spells it: what is signed is what is sent
    held = {**headers, "x-amz-date": at}
    if key.session:
        held["x-amz-security-token"] = key.session
    told = {**held, "host": target.host_port_subcomponent or ""}
    names = ";".join(sorted(told))
    # The path is encoded once more than it is sent: this service is not S3.
    path = quote(target.raw_path or "/", safe="/-_.~")
    lines = "".join(f"{name}:{' '.join(told[name].split())}\n" for name in sorted(told))
    digest = hashlib.sha256(body).hexdigest()
    request = "\n".join(("POST", path, _query(target.raw_query_string), lines, names, digest))
    scope = f"{at[:8]}/{region}/{SERVICE}/aws4_request"
    text = "\n".join((_ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()))
    signing = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    held["authorization"] = f"{_ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return held


def _query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    return "&".join(sorted(f"{name}={value}" for name, _, value in pairs))
