"""Checkpoints in an S3-compatible bucket, by `obstore`: written once each, never over.

Where the bucket is and who may write to it comes from the environment alone, under the names every S3 tool knows:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, or the machine's own role.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

TIMEOUT_S = 30
RETRIES = 3
MAX_NOTE_BYTES = 65_536
"""What is larger is no checkpoint; no more than this of it is read."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class BucketFailed(Exception):
    """The bucket did not do what was asked. The message says what and where."""


class Bucket:
    """The part of a bucket below a prefix."""

    def __init__(self, place: str) -> None:
        """Read `s3://BUCKET/PREFIX`. Raises BucketFailed; nothing is asked of the network yet."""
        parts = urlsplit(place)
        if parts.scheme != "s3" or not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
            raise BucketFailed(f"{place!r} is no bucket: write s3://BUCKET/PREFIX")
        self._place = place
        endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or "")
        with self._explained():
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                # Plain http only on this host: nobody on the way can answer in the bucket's place.
                client_options={"allow_http": endpoint.hostname in _LOOPBACK, "timeout": timedelta(seconds=TIMEOUT_S)},
                retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=TIMEOUT_S)},
            )

    def put(self, name: str, content: bytes) -> bool:
        """Write an object that is not there yet; False where it is. Raises BucketFailed.

        The bucket decides, by a conditional write (If-None-Match), so that of two writers one is told.
        """
        with self._explained():
            try:
                obstore.put(self._store, name, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def get(self, name: str) -> bytes:
        """Return an object, or its first MAX_NOTE_BYTES. Raises BucketFailed."""
        with self._explained():
            return bytes(obstore.get_range(self._store, name, start=0, length=MAX_NOTE_BYTES))

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Yield every object by its name in the bucket, in order. Raises BucketFailed."""
        with self._explained():
            names = sorted(meta["path"] for page in obstore.list(self._store) for meta in page)
        for name in names:
            yield f"{self._place.rstrip('/')}/{name}", self.get(name)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, ValueError, OSError) as error:
            # The first line says what; behind it stands the request in every detail.
            said = str(error).strip().split("\n")[0][:300]
            raise BucketFailed(f"{self._place}: {type(error).__name__}: {said}") from None
