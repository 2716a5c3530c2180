"""The borders of what Remit promises: what LIMITATIONS.md says can happen does happen here, and no more than that."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

import remit
from remit.asgi.outbound import Outbound
from remit.compose import tool_servers
from remit.domain.facts import ScopeKind
from remit.domain.finding import Code
from remit.domain.record import RecordKind
from remit.domain.upstream import ToolServer
from remit.gateways.mcp.port import UpstreamFailed
from remit.settings import Settings
from tests.worlds import SARA, VISITOR, WORKSPACE, World, agent, budget, world, yaml

YEAR_S = 365 * 24 * 3600


@pytest.fixture
def it(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as opened:
        yield opened


def scan(run: remit.ActiveRun, page: int = 1) -> object:
    return run.call("erp.scan", {"page": page}, using=lambda page: page)


def test_what_does_not_go_through_remit_is_not_seen(it: World) -> None:
    """An embedded agent holds the function itself: the door is cooperative, and the record says so."""
    done: list[int] = []
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        run.call("erp.scan", {"page": 1}, using=lambda page: done.append(page))
        done.append(2)
    (decision,) = it.records(RecordKind.DECISION_MADE)
    assert done == [1, 2]
    assert decision["assurance"] == "cooperative"


def test_a_function_may_do_something_else_than_it_was_admitted_for(it: World) -> None:
    """What is decided, recorded and handed over is the same; what the function makes of it is its own affair."""
    paid: list[int] = []
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        run.call("erp.pay", {"amount": 5}, using=lambda amount: paid.append(amount * 1_000))
    (outcome,) = it.records(RecordKind.OUTCOME_REPORTED)
    assert (paid, outcome["status"]) == ([5_000], "ok")


def test_an_approver_who_looks_at_nothing_is_believed(it: World) -> None:
    """The digest shows which arguments were approved, not that anybody has read them."""
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held) as held:
            run.call("erp.pay", {"amount": 100_000_000}, using=lambda amount: amount)
        it.approvals.answer(held.value.approval, SARA, held.value.digest, approve=True)
        assert run.call("erp.pay", {"amount": 100_000_000}, using=lambda amount: amount) == 100_000_000


def test_an_author_decides_what_the_server_executes(tmp_path: Path) -> None:
    """A tool server's command runs as the server's user and can read what that may, its key file too; or be refused."""
    taken, settings = tmp_path / "taken", Settings(database_url=f"sqlite:///{tmp_path / 'remit.db'}")
    command = ["/bin/sh", "-c", f"cat {settings.key_path} > {taken}"]
    with world(tmp_path, {"servers/any.yaml": yaml("ToolServer", name="any", command=command)}) as it:
        (server,) = it.rules().configuration.servers.values()
        ask(settings.model_copy(update={"tool_commands": [["/opt/erp/serve"]]}), server)
        assert not taken.exists()
        ask(settings, server)
        assert settings.key_path is not None
        assert taken.read_text() == settings.key_path.read_text()


def ask(settings: Settings, server: ToolServer) -> None:
    """Ask a tool server that answers nothing what it offers, as the first call of a tool of it does."""

    async def work() -> None:
        servers = tool_servers(settings, Outbound())
        with pytest.raises(UpstreamFailed):
            await servers.offer(WORKSPACE, server)
        await servers.close()

    asyncio.run(work())


def test_a_freeze_ends_no_function_that_runs_already(it: World) -> None:
    """It was admitted before. What it does next needs an admission of its own, and gets none."""

    def frozen_meanwhile(page: int) -> int:
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "enough")
        return page

    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        assert run.call("erp.scan", {"page": 7}, using=frozen_meanwhile) == 7
        with pytest.raises(remit.Stopped):
            scan(run)


def test_a_clock_that_was_once_far_ahead_denies_until_then(it: World) -> None:
    """Windows and expiry would be wrong, and nothing on record can be taken back."""
    it.clock.advance(YEAR_S)
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        scan(run)
    it.clock.advance(-YEAR_S)
    with it.client.run("buyer", on_behalf_of=VISITOR) as run, pytest.raises(remit.Denied) as caught:
        scan(run)
    assert [finding.code for finding in caught.value.reasons] == [Code.CLOCK_WENT_BACK]
    it.clock.advance(YEAR_S)
    with it.client.run("buyer", on_behalf_of=VISITOR) as run:
        assert scan(run) == 1


def test_denials_are_bounded_in_a_run_and_a_new_run_begins_afresh(tmp_path: Path) -> None:
    with world(tmp_path, {"agents/buyer.yaml": agent(limits={"denials": 3})}) as it:
        for number in (1, 2):
            with it.client.run("buyer", on_behalf_of=VISITOR) as run:
                for _ in range(3):
                    with pytest.raises(remit.Denied) as denied:
                        run.call("erp.drop", {}, using=lambda: None)
                    assert not isinstance(denied.value, remit.Stopped)
                for _ in range(20):
                    with pytest.raises(remit.Stopped):
                        scan(run)
            assert len(it.records(RecordKind.DECISION_MADE)) == 4 * number, "three, and the one that says enough"
            assert [end["denials"] for end in it.records(RecordKind.RUN_ENDED)] == [23] * number


def test_whoever_is_stopped_and_goes_on_trying_is_on_record_each_time(tmp_path: Path) -> None:
    """Waiting for the end of a freeze costs an agent nothing, so only the speed of the server bounds it."""
    with (
        world(tmp_path, {"agents/buyer.yaml": agent(limits={"denials": 3})}) as it,
        it.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        it.stops.freeze(WORKSPACE, "agent:buyer", SARA, "enough")
        for _ in range(10):
            with pytest.raises(remit.Stopped):
                scan(run)
        assert len(it.records(RecordKind.DECISION_MADE)) == 10
        it.stops.unfreeze(WORKSPACE, "agent:buyer", SARA, "go on")
        assert scan(run) == 1


def test_a_budget_whose_unit_changes_goes_on_with_the_old_number(tmp_path: Path) -> None:
    """Three calls become three micro-dollars until the window ends: give a budget of another unit another name."""
    with world(tmp_path, {"budgets.yaml": budget("day", "agent", "day", calls=5)}) as it:
        with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            for page in range(3):
                scan(run, page)
        it.apply({"budgets.yaml": budget("day", "agent", "day", usd=1)})
        with it.client.run("buyer", on_behalf_of=VISITOR) as run:
            scan(run)
        assert it.scope(ScopeKind.AGENT, "buyer").spends["day"].used == 3 + 100_000  # type: ignore[index]
