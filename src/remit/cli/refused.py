"""Refusals of the use cases around people and credentials, as one line and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from remit.cli.session import Failed
from remit.control.credentials import CredentialRefused
from remit.control.passwords import PasswordUnfit
from remit.control.people import PersonRefused
from remit.control.signing_in import SignInRefused


@contextmanager
def refused() -> Iterator[None]:
    """Turn what was refused into one line on standard error."""
    try:
        yield
    except (CredentialRefused, PasswordUnfit, PersonRefused, SignInRefused) as error:
        raise Failed(str(error)) from error
