"""The ledger over HTTP: what a bundle holds under the same names, and proofs.

Checkpoint, keys, rotations and tiles of hashes lie where C2SP tlog-tiles wants them, below /api/v1/ledger, so that
other people's tools read them; whoever may see records gets the entries too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Query
from fastapi.responses import PlainTextResponse, Response

from remit.api.access import allow, people
from remit.api.route import Route
from remit.api.shapes import Asker, Shown, missing
from remit.api.use_cases import UseCases
from remit.asgi.answers import Refusal
from remit.control.evidence import LiveEvidence, NotSealed
from remit.domain.identity import Caller, Role
from remit.ledger.evidence import CHECKPOINT, CHECKPOINTS, KEYS, ROTATIONS

TILE = "application/octet-stream"
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""A tile never changes, not even a partial one: a wider one has another path. Private: it was asked for with a key."""
MAX_SIZE = 10**15

Size = Annotated[int, Query(ge=0, le=MAX_SIZE)]


class TileResponse(Response):
    """Bytes."""

    media_type = TILE


class LedgerShown(Shown):
    """How far a ledger is sealed. None of this is signed: the checkpoint is.

    `records` is how many there are, `alarm` why nothing is sealed any more, or empty.
    """

    workspace: str
    origin: str
    records: int
    sealed: int
    alarm: str
    keys: list[str]
    checkpoints: list[int]


class ProofShown(Shown):
    """That a record is sealed: what `remit audit verify FILE --key KEY` takes. Hashes are in base64."""

    format: int
    no: int
    record: str
    path: list[str]
    checkpoint: str


class ConsistencyShown(Shown):
    """That the ledger only grew: what `remit audit verify FILE --key KEY --witness CHECKPOINT` takes."""

    format: int
    old: int
    size: int
    path: list[str]
    checkpoint: str


class LedgerRoutes:
    """The ledger."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    def routes(self) -> Iterator[Route]:
        """Name the routes."""
        yield Route("GET", "/ledger", self.state, LedgerShown)
        yield Route("GET", "/ledger/checkpoint", self.checkpoint, None, form=PlainTextResponse)
        yield Route("GET", "/ledger/checkpoints/{size}", self.earlier, None, form=PlainTextResponse)
        yield Route("GET", "/ledger/rotations/{position}", self.rotation, None, form=PlainTextResponse)
        yield Route("GET", "/ledger/keys", self.keys, None, form=PlainTextResponse)
        yield Route("GET", "/ledger/inclusion", self.inclusion, ProofShown)
        yield Route("GET", "/ledger/consistency", self.consistency, ConsistencyShown)
        yield Route("GET", "/ledger/tile/entries/{place:path}", self.entries, None, form=TileResponse)
        yield Route("GET", "/ledger/tile/{level}/{place:path}", self.tile, None, form=TileResponse)

    @allow(people())
    def state(self, caller: Asker) -> LedgerShown:
        """Say how far the ledger is sealed."""
        evidence = self._of(caller)
        head = evidence.head()
        return LedgerShown(
            workspace=head.workspace,
            origin=head.origin,
            records=head.records,
            sealed=evidence.size,
            alarm=head.alarm,
            keys=(evidence.file(KEYS) or b"").decode().split(),
            checkpoints=[int(size) for size in evidence.names(CHECKPOINTS)],
        )

    @allow(people())
    def checkpoint(self, caller: Asker) -> PlainTextResponse:
        """Return the newest checkpoint, a C2SP signed note."""
        return _text(self._file(caller, CHECKPOINT, "checkpoint"))

    @allow(people())
    def earlier(self, size: str, caller: Asker) -> PlainTextResponse:
        """Return a checkpoint that was kept, by the number of records."""
        return _text(self._file(caller, f"{CHECKPOINTS}/{size}", "checkpoint"), FOR_EVER)

    @allow(people())
    def rotation(self, position: str, caller: Asker) -> PlainTextResponse:
        """Return the note in which a key named the next one; they are counted from 1."""
        return _text(self._file(caller, f"{ROTATIONS}/{position}", "rotation"), FOR_EVER)

    @allow(people())
    def keys(self, caller: Asker) -> PlainTextResponse:
        """Return the public keys, oldest first, one a line: for convenience, never for trust."""
        return _text(self._file(caller, KEYS, "key"))

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def inclusion(
        self,
        caller: Asker,
        record: Annotated[str, Query(description="The record's key, as `act_.../decision`.")] = "",
        action: Annotated[str, Query(description="The action whose decision it is.")] = "",
        number: Annotated[int, Query(ge=0, le=MAX_SIZE, description="The record's number.")] = 0,
    ) -> ProofShown:
        """Prove that a record is sealed: named by its key, its action or its number."""
        if sum([bool(record), bool(action), bool(number)]) != 1:
            raise Refusal(
                422, "field_missing", "which record is not said, or twice", "Send one of record, action and number"
            )
        evidence = self._of(caller)
        try:
            proof = evidence.inclusion_of(number) if number else evidence.inclusion(record or f"{action}/decision")
        except NotSealed as error:
            raise _not_sealed(error) from None
        return ProofShown.model_validate(proof.as_json())

    @allow(people())
    def consistency(
        self,
        caller: Asker,
        old: Annotated[Size, Query(description="How many records the checkpoint has that you kept.")],
        size: Annotated[Size | None, Query(description="How many the later one has; by default the newest.")] = None,
    ) -> ConsistencyShown:
        """Prove that the ledger of `size` records begins with the one of `old`."""
        try:
            proof = self._of(caller).consistency(old, size)
        except NotSealed as error:
            raise _not_sealed(error) from None
        return ConsistencyShown.model_validate(proof.as_json())

    @allow(people(Role.AUDITOR, Role.ADMIN))
    def entries(self, place: str, caller: Asker) -> TileResponse:
        """Return a bundle of entries, which are records, by its C2SP path."""
        return TileResponse(self._file(caller, f"tile/entries/{place}", "tile"), headers=FOR_EVER)

    @allow(people())
    def tile(self, level: str, place: str, caller: Asker) -> TileResponse:
        """Return a tile of hashes by its C2SP path, as tile/0/x001/234.p/56."""
        if level == "entries":  # the route before this one is for those, with other roles
            raise missing("tile", place)
        return TileResponse(self._file(caller, f"tile/{level}/{place}", "tile"), headers=FOR_EVER)

    def _of(self, caller: Caller) -> LiveEvidence:
        return self._use.evidence(caller.workspace)

    def _file(self, caller: Caller, path: str, what: str) -> bytes:
        found = self._of(caller).file(path)
        if found is None:
            raise missing(what, path)
        return found


def _text(content: bytes, headers: dict[str, str] | None = None) -> PlainTextResponse:
    return PlainTextResponse(content, headers=headers)


def _not_sealed(error: NotSealed) -> Refusal:
    return Refusal(404, "not_sealed", str(error), "Wait a second, or check the id", retry_after_s=1)
