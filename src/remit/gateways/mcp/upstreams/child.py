"""A process of ours, with everything it started: begun without our environment, ended as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from remit.domain.text import revealed
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import UpstreamFailed
from remit.storage.vault import NoSecret, Vault, spelled_out

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""What a server's process gets of our environment; the rest may hold the secrets of others."""

SHORTEST_SECRET = 4
"""Shorter values are not covered up in what a process said: they occur by chance."""

_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class CommandRules:
    """What whoever runs Remit lets tool servers be that are commands: anything, where `commands` is empty.

    Else a command begins with all the words of one of them, is given no variables but `variables`, and no folder: both
    can make another program of the same words.
    """

    commands: Sequence[Sequence[str]] = ()
    variables: Collection[str] = ()

    def check(self, server: ToolServer) -> None:
        """Raise UpstreamFailed for a server that may not be started."""
        if not self.commands:
            return
        words = list(server.command)
        if not any(words[: len(each)] == list(each) for each in self.commands):
            raise _forbidden(server, "its command begins with none of those that REMIT_TOOL_COMMANDS lists")
        if server.folder:
            raise _forbidden(server, "where REMIT_TOOL_COMMANDS is set no command has a `folder`")
        unlisted = sorted(set(server.env) - set(self.variables))
        if unlisted:
            raise _forbidden(server, f"REMIT_TOOL_VARIABLES does not list {', '.join(unlisted)}")


def _forbidden(server: ToolServer, why: str) -> UpstreamFailed:
    return UpstreamFailed("unreachable", f"{server.name} was not started: {why}", sent=False)


class Child:
    """One process in a group of its own. Its exit is seen without reaping it, so that the group keeps its number."""

    def __init__(self, popen: subprocess.Popen[bytes], secrets: tuple[str, ...]) -> None:
        self._popen = popen
        self._secrets = secrets

    def streams(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        """Hand over its input, output and error streams, once; closing them is the taker's from now on."""
        popen = self._popen
        taken = (popen.stdin, popen.stdout, popen.stderr)
        popen.stdin = popen.stdout = popen.stderr = None
        assert taken[0] is not None
        assert taken[1] is not None
        assert taken[2] is not None
        return taken[0], taken[1], taken[2]

    @property
    def pid(self) -> int:
        """Of the process itself, which leads its group."""
        return self._popen.pid

    def covered(self, said: bytes) -> str:
        """Return what it wrote to standard error as an operator may see it: on one line, without its secrets."""
        text = said.decode("utf-8", "replace")
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return revealed(text)

    def exited(self) -> bool:
        """Tell whether the process has ended, without reaping it."""
        if self._popen.returncode is not None:
            return True
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # somebody else has reaped it
            return True

    async def end(self, farewell_s: float) -> None:
        """Let it end by itself, ask it to, kill it; and whatever is left of its group in any case.

        Whoever has its input closes it before.
        """
        try:
            if not await self._gone(farewell_s):
                self._signal(signal.SIGTERM)
                await self._gone(farewell_s)
        finally:
            self._kill()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(5)  # it can not refuse; only a disk that hangs keeps it
        for pipe in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._popen.returncode is None:  # not reaped: neither its number nor its group's is anybody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def _gone(self, most_s: float) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        while not self.exited():
            if loop.time() >= until:
                return False
            await asyncio.sleep(_STEP_S)
        return True


async def begun(server: ToolServer, vault: Vault, environment: Mapping[str, str], rules: CommandRules) -> Child:
    """Start the command of a server; its references are resolved now. Raises UpstreamFailed."""
    rules.check(server)
    return await asyncio.to_thread(_begun, server, vault, environment)


def _begun(server: ToolServer, vault: Vault, environment: Mapping[str, str]) -> Child:
    inherited = {name: environment[name] for name in INHERITED if name in environment}
    try:
        own = {name: spelled_out(vault, text) for name, text in server.env.items()}
        secrets = tuple(own[name] for name, text in server.env.items() if own[name] != text)
        popen = subprocess.Popen(  # noqa: S603 - the command is the workspace's, applied by a person and within the rules
            server.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=server.folder or None,
            env=inherited | own,
            bufsize=0,
            start_new_session=True,
        )
    except NoSecret as error:
        raise UpstreamFailed("unreachable", f"{server.name} was not started: {error}", sent=False) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or "the command can not be run"
        text = f"{server.name} was not started: {reason}: check `command` and `folder`"
        raise UpstreamFailed("unreachable", text, sent=False) from None
    return Child(popen, tuple(each for each in secrets if len(each) >= SHORTEST_SECRET))
