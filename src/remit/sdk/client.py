"""What `remit.connect` returns."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from remit.domain.admission import RunRequest
from remit.domain.ids import AgentName, RunId, UserId
from remit.sdk.errors import Refused
from remit.sdk.port import Door
from remit.sdk.run import ActiveRun, checked_wait

Function = TypeVar("Function", bound=Callable[..., Any])


class Client:
    """A connection to Remit. One a process is enough: it may be shared by threads and event loops."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._current: ContextVar[ActiveRun | None] = ContextVar("remit_run", default=None)

    def run(
        self,
        agent: str,
        *,
        on_behalf_of: str = "",
        task: str = "",
        purpose: str = "",
        subject: str = "",
        parent: str | None = None,
        channel: str = "",
        identity_token: str = "",
    ) -> ActiveRun:
        """Describe a run; `with` or `async with` starts it and ends it.

        Args:
            agent: the agent's name in the workspace.
            on_behalf_of: whom it acts for: `user:NAME`, `service:NAME` or `system:NAME`, such as `user:buyer-7`. May be
                left out where an identity token says so.
            task: what was asked, in words. Sealed; it never stands in a record.
            purpose: why the run may see what it sees; the agent's own purpose where left out. It stands in records,
                which stay: name nobody in it.
            subject: whose data it handles: its payloads can then be erased with that subject's key.
            parent: the run that delegated to this one.
            channel: which channel's release decides: `production` where it is left out, and at a server the channel
                of the agent's key, which can be no other.
            identity_token: of the person it acts for, as the identity provider gave it: a server verifies it, and the
                run acts for that person or does not start. Without one the server believes `on_behalf_of`.
        """
        request = RunRequest(
            agent=AgentName(agent),
            on_behalf_of=UserId(on_behalf_of),
            task=task,
            purpose=purpose,
            subject=subject,
            parent=None if parent is None else RunId(parent),
            channel=channel,
            identity_token=identity_token,
        )
        return ActiveRun(self._door, request, self._current)

    def tool(self, name: str, *, wait: float | None = None) -> Callable[[Function], Function]:
        """Guard a function, plain or async: every call of it inside a run is a call of the tool `name`.

        The function's parameters are the tool's arguments, by name; one that is None by default and not given is left
        out. A method, *args and parameters before a / are refused at once. Outside of a run a call raises Refused.
        """
        checked_wait(wait)

        def guard(function: Function) -> Function:
            signature = _signature_of(name, function)
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def guarded_async(*args: Any, **kwargs: Any) -> Any:
                    arguments = _arguments(signature, args, kwargs)
                    return await self._running(name).acall(name, arguments, using=function, wait=wait)

                return cast("Function", guarded_async)

            @functools.wraps(function)
            def guarded(*args: Any, **kwargs: Any) -> Any:
                arguments = _arguments(signature, args, kwargs)
                return self._running(name).call(name, arguments, using=function, wait=wait)

            return cast("Function", guarded)

        return guard

    def _running(self, tool: str) -> ActiveRun:
        run = self._current.get()
        if run is None:
            raise Refused(f"{tool} was called outside of a run: call it inside `with client.run(...)`")
        return run

    def close(self) -> None:
        """Finish what has been submitted and let go of the store."""
        self._door.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _signature_of(tool: str, function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function that can be guarded. Raises Refused for one whose arguments have no names."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise Refused(f"{tool}: {function!r} does not say which arguments it takes: wrap it in a function") from None
    for position, (name, parameter) in enumerate(signature.parameters.items()):
        if position == 0 and name in ("self", "cls"):
            raise Refused(f"{tool}: {function!r} is a method, and {name} is no argument of the tool: guard a function")
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            raise Refused(f"{tool}: a guarded function takes its arguments by name, and *{name} has none")
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            raise Refused(f"{tool}: a guarded function takes its arguments by name, and {name} stands before the /")
    return signature


def _arguments(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Name the arguments of a call, with defaults; None by default means left out, which no schema need allow."""
    bound = signature.bind(*args, **kwargs)
    given = set(bound.arguments)
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        elif name in given or value is not None:
            arguments[name] = value
    return arguments
