"""The keys that sign a ledger: the first one, the one that signs now, and how one follows another."""

from __future__ import annotations

import secrets

from remit.domain.clock import Instant
from remit.domain.ids import WorkspaceName
from remit.ledger.note import SEED_BYTES, Signer, Verifier
from remit.storage.sealed import KeyWrapper
from remit.storage.seals import LedgerKey, SealedUpTo, Seals


class SigningKeys:
    """Signing keys of one database, kept sealed under its master key."""

    def __init__(self, seals: Seals, wrapper: KeyWrapper) -> None:
        self._seals = seals
        self._wrapper = wrapper

    def begin(self, workspace: WorkspaceName, now: Instant) -> SealedUpTo:
        """Begin a workspace's ledger, with an origin nobody else has, and its first key."""
        origin = f"remit/{workspace}/{secrets.token_hex(8)}"
        self._seals.begin(SealedUpTo(workspace, origin), self.fresh(workspace, origin, 0, now)[0])
        ledger = self._seals.ledger(workspace)
        assert ledger is not None
        return ledger

    def fresh(self, workspace: WorkspaceName, origin: str, position: int, now: Instant) -> tuple[LedgerKey, Signer]:
        """Make a key. It is nobody's before it is stored."""
        signer = Signer(origin, secrets.token_bytes(SEED_BYTES))
        sealed = self._wrapper.wrap(signer.seed, _place(workspace, position))
        return LedgerKey(position, str(signer.verifier), sealed, "", now), signer

    def signer(self, ledger: SealedUpTo) -> Signer:
        """Return the key that signs now. Raises PayloadLost where it was sealed under another master key."""
        newest = self._seals.keys(ledger.workspace)[-1]
        return Signer(ledger.origin, self._wrapper.unwrap(newest.seed, _place(ledger.workspace, newest.position)))

    def verifiers(self, workspace: WorkspaceName) -> tuple[Verifier, ...]:
        """Return the public keys, oldest first."""
        return tuple(Verifier.of(key.key) for key in self._seals.keys(workspace))


def _place(workspace: WorkspaceName, position: int) -> str:
    return f"{workspace}/ledger/{position}"
