"""One run of an agent: every call is admitted, dispatched and settled, in this order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

from remit.domain.action import ActionState, Cost, Outcome, OutcomeStatus
from remit.domain.admission import Admission, AskedQuestion, RunRequest, WaitingFor
from remit.domain.ids import ApprovalId, RunId
from remit.domain.money import Micros
from remit.domain.prompt import PROMPT
from remit.domain.prompt_size import Prompt
from remit.domain.run import Run
from remit.kernel.duties import applied
from remit.sdk.errors import Refused, RemitError, Unavailable, not_admitted
from remit.sdk.port import Attempt, Door
from remit.sdk.prompt import fields_of
from remit.sdk.waiting import Waiting


class Unrecorded(Unavailable):
    """The call ran and returned `result`, but its outcome could not be stored.

    The action stays open and becomes unknown.
    """

    def __init__(self, cause: RemitError, result: object) -> None:
        super().__init__(f"the call ran, but its outcome could not be recorded: {cause}")
        self.result = result


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was admitted, with its duties carried out on the arguments."""

    attempt: Attempt
    arguments: dict[str, Any]


class ActiveRun:
    """A run in progress; made by `client.run(...)` and used with `with` or `async with`.

    Safe to share between threads.
    """

    def __init__(self, door: Door, request: RunRequest, current: ContextVar[ActiveRun | None]) -> None:
        self._door = door
        self._request = request
        self._current = current
        self._taken = threading.Lock()  # held from the first start on
        self._entered: Token[ActiveRun | None] | None = None
        self._run: Run | None = None

    @property
    def id(self) -> RunId:
        """The run's id, as it stands in every record."""
        return self._started.id

    @property
    def release(self) -> str:
        """The release the run is pinned to."""
        return self._started.release

    @property
    def stopped(self) -> bool:
        """Whether the run is known to be stopped, for a function that takes long and can leave off.

        A look at the database in this process; over HTTP at what was heard by now. Whatever it says, a stopped run
        is denied its next call.
        """
        return self._door.stop_on(self._started) is not None

    @property
    def _started(self) -> Run:
        if self._run is None:
            raise Refused("the run has not been started: use `with client.run(...) as run:`")
        return self._run

    # -- start and end

    def __enter__(self) -> Self:
        with self._taken_once():
            self._run = self._door.start_run(self._request)
        self._entered = self._current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        with _noted_on(error):
            self._door.end_run(self._started, _ending(kind))

    async def __aenter__(self) -> Self:
        with self._taken_once():
            self._run = await self._door.astart_run(self._request)
        self._entered = self._current.set(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        with _noted_on(error):
            await self._door.aend_run(self._started, _ending(kind))

    @contextlib.contextmanager
    def _taken_once(self) -> Iterator[None]:
        """Let one start go through; one that failed may be tried again."""
        if not self._taken.acquire(blocking=False):
            raise Refused("a run is started once: describe the next one with `client.run(...)`")
        try:
            yield
        except BaseException:
            self._taken.release()
            raise

    def _leave(self) -> None:
        entered, self._entered = self._entered, None
        if entered is not None:
            with contextlib.suppress(ValueError):  # left in another context, as by a generator: it has no current run
                self._current.reset(entered)

    # -- tool calls

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        using: Callable[..., Any],
        wait: float | None = None,
    ) -> Any:
        """Call a tool within the remit: `using(**arguments)` runs only once the call is admitted and on record.

        Args:
            tool: the tool's name in the workspace.
            arguments: what to call it with; duties such as masks are carried out before `using` sees them.
            using: your function.
            wait: seconds to wait for a person where one must decide; None raises Held at once. Where a person has put
                other arguments in the place of yours and they are approved, `using` is called with those. A question
                that is asked meanwhile ends the wait: Held says which.

        Raises:
            Refused: `wait` is no number of seconds, or the run was never started.
            Denied, Stopped, Rejected, Expired, Held: it may not run, or not yet; nothing was called.
            BadArguments: the arguments are no plain JSON within limits.
            Unavailable: the decision could not be stored.
            Exception: whatever `using` raises, after it was recorded as an error.
        """
        call = self._admit(self._door.attempt_tool(self._started, tool, arguments or {}), wait)
        return self._dispatch(call, lambda: using(**call.arguments), None)

    async def acall(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        using: Callable[..., Any],
        wait: float | None = None,
    ) -> Any:
        """As `call`, for an async function, without blocking the event loop."""
        call = await self._aadmit(self._door.attempt_tool(self._started, tool, arguments or {}), wait)
        return await self._adispatch(call, lambda: using(**call.arguments), None)

    # -- model calls

    def model(
        self,
        model: str,
        prompt: Any,
        *,
        max_output_tokens: int,
        using: Callable[[], Any],
        input_tokens: int | None = None,
        wait: float | None = None,
    ) -> Any:
        """Call a model within the remit and budget: the worst case is reserved, what the response used is settled.

        Args:
            model: `provider/name`, such as `openai/gpt-5-mini`.
            prompt: what is sent, tools included: text, or messages as plain JSON or as objects with `model_dump`. Its
                bytes, and 16 for each message, are the bound of its tokens. It is sealed with the action, and an
                approval of the call holds for exactly this prompt.
            max_output_tokens: the limit you give the model.
            using: calls the model and returns its response, with a `usage` in OpenAI's or Anthropic's form.
            input_tokens: an upper bound you know better; needed for a prompt with images, sound or files, or one that
                the provider keeps a part of.
            wait: as in `call`.

        Raises: as `call`, and BadArguments with the code `prompt_size_unknown` for a prompt whose tokens have no known
            bound; a model without a known price is denied under a money budget.
        """
        attempt = self._attempt_model(model, prompt, max_output_tokens, input_tokens)
        call = self._admit(attempt, wait)
        return self._dispatch(call, using, self._door.cost_of)

    async def amodel(
        self,
        model: str,
        prompt: Any,
        *,
        max_output_tokens: int,
        using: Callable[[], Any],
        input_tokens: int | None = None,
        wait: float | None = None,
    ) -> Any:
        """As `model`, for an async function, without blocking the event loop."""
        attempt = self._attempt_model(model, prompt, max_output_tokens, input_tokens)
        call = await self._aadmit(attempt, wait)
        return await self._adispatch(call, using, self._door.cost_of)

    def _attempt_model(self, model: str, prompt: Any, max_output_tokens: int, input_tokens: int | None) -> Attempt:
        if input_tokens is not None:
            return self._door.attempt_model(self._started, model, input_tokens, max_output_tokens, fields_of(prompt))
        read = Prompt(prompt)
        told = {PROMPT: read.value}
        return self._door.attempt_model(self._started, model, read.most_tokens, max_output_tokens, told)

    # -- what people ask before they answer

    def questions(self, approval: str) -> tuple[AskedQuestion, ...]:
        """Return what people have asked about a held call, and what was replied. Raises Refused where there is none."""
        seen = self._door.waiting_for(ApprovalId(approval))
        if seen is None:
            raise Refused(f"there is no approval {approval} of this agent")
        return seen.questions

    def answer(self, approval: str, text: str, *, question: str = "") -> None:
        """Answer a question about a held call, by default the oldest that waits.

        People read it as the agent's own words; it changes nothing of the call. Raises Refused where nobody has asked.
        """
        self._door.reply(self._started, ApprovalId(approval), text, question)

    async def aanswer(self, approval: str, text: str, *, question: str = "") -> None:
        """As `answer`, without blocking the event loop."""
        await self._door.areply(self._started, ApprovalId(approval), text, question)

    # -- admit, dispatch, settle

    def _admit(self, attempt: Attempt, wait: float | None) -> Call:
        checked_wait(wait)
        admission, waited = self._decide(attempt), None
        if admission.state is ActionState.HELD and wait is not None and admission.approval is not None:
            waiting = Waiting(self._door, admission.approval, wait)
            for pause in waiting:
                time.sleep(pause)
            waited = waiting.seen
            if not waiting.is_asked:
                attempt = self._door.again(attempt, waited)
                admission = self._decide(attempt)
        return _call(self._door, attempt, admission, waited)

    async def _aadmit(self, attempt: Attempt, wait: float | None) -> Call:
        checked_wait(wait)
        admission, waited = await self._adecide(attempt), None
        if admission.state is ActionState.HELD and wait is not None and admission.approval is not None:
            waiting = Waiting(self._door, admission.approval, wait, patience=0.0)
            async for pause in _each(iter(waiting)):
                await asyncio.sleep(pause)
            waited = waiting.seen
            if not waiting.is_asked:
                attempt = self._door.again(attempt, waited)
                admission = await self._adecide(attempt)
        return _call(self._door, attempt, admission, waited)

    def _decide(self, attempt: Attempt) -> Admission:
        try:
            return self._door.admit(attempt)
        except RemitError:
            raise
        except BaseException:  # a signal's handler may raise anything
            self._take_back(attempt)
            raise

    async def _adecide(self, attempt: Attempt) -> Admission:
        try:
            return await self._door.aadmit(attempt)
        except asyncio.CancelledError:
            self._take_back(attempt)
            raise

    def _take_back(self, attempt: Attempt) -> None:
        """Release what an interrupted caller may have been admitted to: nobody is left to dispatch it."""
        nothing = Outcome(attempt.action, OutcomeStatus.ERROR, Cost(Micros(0), 0, 0), error="not_dispatched")
        with contextlib.suppress(RemitError):  # it was not admitted, or the store is gone and it becomes unknown
            self._door.settle(attempt, nothing, b"")

    def _dispatch(
        self, call: Call, using: Callable[[], Any], cost_of: Callable[[Attempt, object], Cost | None] | None
    ) -> Any:
        try:
            result = using()
            _refuse_lazy(call.attempt.target, result)
        except BaseException as error:
            self._settle_failure(call, error)
            raise
        outcome = Outcome(call.attempt.action, OutcomeStatus.OK, _cost(cost_of, call.attempt, result))
        try:
            self._door.settle(call.attempt, outcome, result_bytes(result))
        except RemitError as error:
            raise Unrecorded(error, result) from error
        return result

    async def _adispatch(
        self,
        call: Call,
        using: Callable[[], Any],
        cost_of: Callable[[Attempt, object], Cost | None] | None,
    ) -> Any:
        try:
            started = using()
            result = await started if inspect.isawaitable(started) else started
            _refuse_lazy(call.attempt.target, result)
        except BaseException as error:
            # Not awaited: a cancelled task may not wait any more, and the outcome must be on record all the same.
            self._settle_failure(call, error)
            raise
        outcome = Outcome(call.attempt.action, OutcomeStatus.OK, _cost(cost_of, call.attempt, result))
        try:
            await self._door.asettle(call.attempt, outcome, result_bytes(result))
        except RemitError as error:
            raise Unrecorded(error, result) from error
        return result

    def _settle_failure(self, call: Call, error: BaseException) -> None:
        """Record an exception as an error.

        What interrupts from outside leaves open whether the effect happened: unknown.
        """
        status = OutcomeStatus.ERROR if isinstance(error, Exception) else OutcomeStatus.UNKNOWN
        name = type(error).__name__
        try:
            self._door.settle(
                call.attempt,
                Outcome(call.attempt.action, status, error=name),
                f"error {name}: ".encode("utf-8", "backslashreplace") + _words(str, error),
            )
        except RemitError as unrecorded:
            error.add_note(f"its outcome could not be recorded either: {unrecorded}")


class LazyResult(Refused):
    """A function returned what would only run later, out of reach of a stop: it was closed and has not run."""


def _refuse_lazy(target: str, result: object) -> None:
    """Refuse a generator, a coroutine and their like, whose effects would come after the outcome is on record."""
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        result.close()
    elif not (inspect.isasyncgen(result) or inspect.isawaitable(result)):
        return
    raise LazyResult(
        f"{target}: the function returned something that runs later: use acall, or return the finished result"
    )


def _cost(cost_of: Callable[[Attempt, object], Cost | None] | None, attempt: Attempt, result: object) -> Cost | None:
    """Return what a response says was used; one that can not be read is taken to have used what was reserved."""
    if cost_of is None:
        return None
    try:
        return cost_of(attempt, result)
    except Exception:  # noqa: BLE001 - a response's own property may raise anything
        return None


async def _each(pauses: Iterator[float]) -> AsyncIterator[float]:
    while (pause := await asyncio.to_thread(next, pauses, None)) is not None:
        yield pause


def _call(door: Door, attempt: Attempt, admission: Admission, waited: WaitingFor | None = None) -> Call:
    if admission.state is not ActionState.ADMITTED:
        error = not_admitted(admission, attempt.target, waited)
        error.reader = functools.partial(door.reasons, attempt)
        raise error
    return Call(attempt, applied(attempt.arguments, admission.decision.duties))


@contextlib.contextmanager
def _noted_on(error: BaseException | None) -> Iterator[None]:
    """End the run without hiding why its block was left: what fails besides is a note on that."""
    try:
        yield
    except Exception as failed:
        if error is None:
            raise
        error.add_note(f"the run could not be ended either: {failed}")


def checked_wait(wait: object) -> None:
    """Refuse what is no time to wait. Every wait ends, so endless is refused as well."""
    if wait is None or (isinstance(wait, int | float) and not isinstance(wait, bool) and 0 <= wait < math.inf):
        return
    raise Refused(f"wait must be None or a number of seconds from 0 on that ends, not {wait!r}")


def _ending(kind: type[BaseException] | None) -> str:
    return "ok" if kind is None else f"error: {kind.__name__}"


def result_bytes(result: object) -> bytes:
    """Return what the loop check and an auditor see of a result: its JSON, or, where it has none, its `repr`."""
    try:
        return orjson.dumps(result, default=_as_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError, RecursionError):
        return _words(repr, result)


def _words(write: Callable[[object], str], value: object) -> bytes:
    """Return what a value says of itself, or its type where even that fails: the call ran and must be recorded."""
    try:
        return write(value).encode("utf-8", "backslashreplace")
    except Exception:  # noqa: BLE001 - it is the value's own code that failed
        return f"<{type(value).__name__}>".encode("utf-8", "backslashreplace")


def _as_plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)
