"""Whoever runs Remit may say which commands tool servers are: what begins otherwise is not started."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from remit.asgi.outbound import Outbound
from remit.compose import tool_servers
from remit.domain.ids import ServerName
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import UpstreamFailed
from remit.settings import Settings
from tests.gateways.mcp.upstreams.asking import ODD, Asking, odd, run


def said(server: ToolServer, commands: Sequence[Sequence[str]], *variables: str, key: Path | None = None) -> str:
    """What a server that is asked under these settings answers, or why it was not started."""
    settings = Settings(tool_commands=[list(each) for each in commands], tool_variables=list(variables), key_file=key)

    async def work() -> str:
        outbound = Outbound()
        servers = tool_servers(settings, outbound)
        try:
            return str(await Asking(servers).call(server, "echo", {"a": 1}))
        except UpstreamFailed as error:
            return str(error) if error.code == "unreachable" and not error.sent else repr(error)
        finally:
            await servers.close()
            await outbound.close()

    return str(run(work))


WORKS = '{"a": 1}'
PROGRAM = (sys.executable, str(ODD))


def test_without_the_setting_any_command_is_started() -> None:
    assert said(odd(), []) == WORKS


def test_a_command_begins_with_all_the_words_of_one_that_is_listed() -> None:
    refused = "odd was not started: its command begins with none of those that REMIT_TOOL_COMMANDS lists"
    assert said(odd(), [["/opt/erp/serve"], PROGRAM]) == WORKS
    assert said(odd(), [(*PROGRAM, "modern")]) == WORKS
    assert said(odd(), [["/opt/erp/serve"]]) == refused
    assert said(odd(), [(*PROGRAM, "modern", "more")]) == refused
    assert said(odd(), [(sys.executable, "-m")]) == refused


@pytest.mark.parametrize("way", ["link", "../tools/link", "."])
def test_another_name_for_a_program_is_another_program(tmp_path: Path, way: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "link").symlink_to(sys.executable)
    command = (str(tools / way) if way != "." else f"{Path(sys.executable).parent}/./python", str(ODD), "modern")
    server = replace(odd(), command=command)
    assert "REMIT_TOOL_COMMANDS" in said(server, [PROGRAM])


def test_what_could_make_another_program_of_the_same_words_is_not_given(tmp_path: Path) -> None:
    folder = replace(odd(), folder=str(tmp_path))
    assert said(folder, [PROGRAM]) == "odd was not started: where REMIT_TOOL_COMMANDS is set no command has a `folder`"
    assert said(folder, []) == WORKS
    loads = odd(env={"PYTHONPATH": str(tmp_path), "LD_PRELOAD": "/tmp/any.so", "MODE": "test"})
    told = "odd was not started: REMIT_TOOL_VARIABLES does not list LD_PRELOAD, PYTHONPATH"
    assert said(loads, [PROGRAM], "MODE") == told
    assert said(odd(env={"MODE": "test"}), [PROGRAM], "MODE") == WORKS


def test_a_command_that_is_not_listed_does_nothing(tmp_path: Path) -> None:
    server = replace(odd(), command=("/bin/sh", "-c", f"echo was here > {tmp_path / 'trace'}"))
    assert "REMIT_TOOL_COMMANDS" in said(server, [PROGRAM])
    assert not (tmp_path / "trace").exists()


def test_the_servers_own_key_goes_into_no_header_and_no_variable(tmp_path: Path) -> None:
    key = tmp_path / "remit.key"
    key.write_text("the master key")
    reference = f"file:{key}"
    why = f"{reference} may not be read: it is a file of Remit's own"
    at_url = ToolServer(ServerName("far"), url="http://127.0.0.1:1/mcp", private=True, headers={"X": reference})
    assert said(at_url, [], key=key) == f"far was not asked: {why}"
    assert said(odd(env={"TOKEN": reference}), [], key=key) == f"odd was not started: {why}"
    assert said(odd(env={"TOKEN": "file:/proc/self/environ"}), []).startswith(
        "odd was not started: file:/proc/self/environ may not be read"
    )
