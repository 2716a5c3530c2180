"""What agents did and what people say to it: runs, replay, approvals, freeze, unfreeze, reconcile."""

import sqlite3
from pathlib import Path

import pytest

import remit
from remit.cli.when import moment
from remit.sdk.client import Client
from tests.cli.conftest import Command
from tests.worlds import LINA, OWNER, PEOPLE, SARA, VISITOR, agent, documents, yaml


def story(client: Client) -> str:
    """One call admitted, one held, one denied, one that fails."""
    with client.run("buyer", on_behalf_of=VISITOR, task="Pay the bill") as run:
        run.call("erp.get", {"id": "1"}, using=lambda id: "an order")
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 700, "note": "secret note"}, using=lambda **_: "paid")
        with pytest.raises(remit.Denied):
            run.call("erp.drop", {}, using=lambda: "dropped")
        with pytest.raises(ZeroDivisionError):
            run.call("erp.scan", {"page": 1}, using=lambda page: 1 / 0)
        return run.id


def test_a_command_that_only_asks_makes_no_database(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_DATABASE_URL", f"sqlite:///{tmp_path / 'wrong' / 'remit.db'}")
    for words in (("runs", "ls"), ("replay",), ("approvals", "ls")):
        said = command(*words)
        expected = f"Error: there is no database at {tmp_path / 'wrong' / 'remit.db'}: run `remit apply DIR` first\n"
        assert (said.code, said.err) == (2, expected)
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_newest_first(client: Client, command: Command) -> None:
    first, second = story(client), story(client)
    rows = command("runs", "ls").rows
    assert [row[0] for row in rows] == [second, first]
    assert rows[0][1:4] == ["buyer", "ended", "2"]
    assert rows[0][5] == VISITOR
    assert [row[0] for row in command("runs", "ls", "-n", "1").rows] == [second]
    assert [row[0] for row in command("runs", "ls", "--before", second).rows] == [first]
    listed = command("runs", "ls", "-o", "json").json
    assert [run["id"] for run in listed] == [second, first]
    assert {name: listed[0][name] for name in ("agent", "state", "steps", "on_behalf_of")} == {
        "agent": "buyer",
        "state": "ended",
        "steps": 2,
        "on_behalf_of": VISITOR,
    }


def test_a_run_is_shown_action_by_action(client: Client, command: Command) -> None:
    run = story(client)
    said = command("runs", "show", run)
    head, *rows = said.rows
    assert head[0].startswith(f"{run}  buyer for {VISITOR}  rel_")
    assert [(row[2], row[3], row[4]) for row in rows] == [
        ("erp.get", "allow", "ok"),
        ("erp.pay", "hold", ""),
        ("erp.drop", "deny", ""),
        ("erp.scan", "allow", "error"),
    ]
    assert "erp.drop is not in the remit of buyer" in rows[2][5]
    arabic = command("runs", "show", run, "--lang", "ar", "-o", "json").json["actions"]
    assert "ليست ضمن صلاحية" in " ".join(arabic[2]["words"])
    assert "secret note" not in said.out
    assert command("runs", "show", "run_nothing").err == (
        "Error: there is no run run_nothing. `remit runs ls` lists them.\n"
    )


def test_replay_agrees_and_notices_when_it_does_not(client: Client, command: Command, tmp_path: Path) -> None:
    run = story(client)
    said = command("replay")
    assert (said.code, said.out) == (0, "4 decisions replayed: 4 same.\n")
    assert command("replay", run, "-o", "json").json["counts"]["same"] == 4
    client.close()
    with sqlite3.connect(tmp_path / "remit.db") as db:
        db.execute("update records set body = cast(replace(body, 'grant.tool_not_granted', 'grant.ok') as blob)")
    db.close()
    changed = command("replay")
    assert changed.code == 1
    assert "different" in changed.out
    assert "4 decisions replayed: 3 same, 1 different." in changed.out


def test_approvals_are_shown_with_what_they_are_for(client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 700, "note": "line\nbreak"}, using=lambda **_: "paid")
        ((id, target, name, approvers, state, missing, _),) = command("approvals", "ls").rows
        assert (target, name, approvers, state, missing) == ("erp.pay", "buyer", "finance", "pending", "finance")
        shown = command("approvals", "show", id).out
        for part in ("erp.pay", VISITOR, "finance", '"amount": 700', '"note": "line\\nbreak"', "digest"):
            assert part in shown
        assert command("approvals", "show", "apr_nothing").err == (
            "Error: there is no approval apr_nothing. `remit approvals ls` lists them.\n"
        )
        assert command("approvals", "ls", "-o", "json").json[0]["id"] == id
    assert command("approvals", "ls").rows == [], "the run has ended, so nothing waits any more"


def test_arguments_that_are_not_those_of_the_digest_are_not_shown(
    applied: Path, client: Client, command: Command
) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        for amount in (700, 70_000):
            with pytest.raises(remit.Held):
                run.call("erp.pay", {"amount": amount}, using=lambda amount: "paid")
        small, large = sorted(row[0] for row in command("approvals", "ls").rows)
        digests = [digest_of(command, id) for id in (small, large)]
        with sqlite3.connect(applied.parent / "remit.db") as database:
            database.execute("update approvals set digest = ? where id = ?", (digests[1][::-1], large))
        shown = command("approvals", "show", large)
        assert (shown.code, shown.out) == (2, "")
        assert "has another digest than the approval: somebody changed one of them" in shown.err
        assert command("approvals", "show", small).code == 0


def test_who_has_answered_and_who_is_missing_is_shown(
    applied: Path, client: Client, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    legal = yaml("Group", name="legal", members=[LINA])
    (applied / "people.yaml").write_text(documents(PEOPLE, legal))
    (applied / "agents/buyer.yaml").write_text(agent(holds=[{"effects": ["pay"], "approvers": "legal"}]))
    assert command("apply", applied).code == 0
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")
        id, digest = waiting(command)
        monkeypatch.setenv("REMIT_USER", SARA)
        said = command("approvals", "approve", id, "--digest", digest)
        assert (said.code, said.out) == (0, f"{id}: {SARA} (finance): approved; it waits for legal.\n")
        assert command("approvals", "ls").rows[0][3:6] == ["finance, legal", "pending", "legal"]
        shown = command("approvals", "show", id).out
        assert "answered      user:sara (finance): approved" in shown
        assert "missing       legal" in shown


def digest_of(command: Command, id: str) -> str:
    """The digest of an approval as `show` gives it."""
    shown = command("approvals", "show", id).out
    return next(line.split()[1] for line in shown.splitlines() if line.startswith("digest"))


def waiting(command: Command) -> tuple[str, str]:
    """The approval that waits, and its digest as `show` gives it."""
    id = command("approvals", "ls").rows[0][0]
    return id, digest_of(command, id)


def test_only_somebody_of_the_group_may_approve(
    client: Client, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")
        id, digest = waiting(command)
        assert "owns buyer" in command("approvals", "approve", id, "--digest", digest).err
        monkeypatch.setenv("REMIT_USER", VISITOR)
        assert "the run acts for" in command("approvals", "approve", id, "--digest", digest).err
        monkeypatch.setenv("REMIT_USER", "user:eve")
        assert "is not a member of finance" in command("approvals", "approve", id, "--digest", digest).err
        monkeypatch.setenv("REMIT_USER", SARA)
        assert "should have at least 12 characters" in command("approvals", "approve", id, "--digest", digest[:11]).err
        assert "the digest is not that of approval" in command("approvals", "approve", id, "--digest", "0" * 64).err
        assert command("approvals", "approve", id).code == 2, "without a digest nobody has looked"

        approved = command("approvals", "approve", id, "--digest", digest[:12], "-m", "fine")
        assert (approved.code, approved.out) == (0, f"{id} is approved.\n")
        assert run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid") == "paid"
        twice = command("approvals", "reject", id, "--digest", digest)
        assert (twice.code, twice.err) == (2, f"Error: approval {id} is used already\n")
    assert command("approvals", "ls").rows == []
    assert command("approvals", "ls", "--all").rows[0][4] == "used"


def test_a_rejected_action_stays_rejected(client: Client, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        with pytest.raises(remit.Held):
            run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")
        id, digest = waiting(command)
        monkeypatch.setenv("REMIT_USER", SARA)
        assert command("approvals", "reject", id, "--digest", digest).out == f"{id} is rejected.\n"
        with pytest.raises(remit.Rejected):
            run.call("erp.pay", {"amount": 700}, using=lambda amount: "paid")


@pytest.mark.parametrize(
    "target", ["workspace", "agent:buyer", "team:procurement", "tool:erp.get", f"{VISITOR}", "run"]
)
def test_a_freeze_stops_at_once_and_can_be_lifted(target: str, client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        aim = f"run:{run.id}" if target == "run" else target
        frozen = command("freeze", aim, "-m", "prices look wrong")
        assert frozen.code == 0
        assert frozen.out.startswith(f"{aim} is frozen: nothing of it is admitted.")
        with pytest.raises(remit.Stopped, match="prices look wrong"):
            run.call("erp.get", {"id": "1"}, using=lambda id: "an order")
        assert command("unfreeze", aim).out == f"{aim} goes on.\n"
        assert run.call("erp.get", {"id": "1"}, using=lambda id: "an order") == "an order"
        again = command("unfreeze", aim)
        assert (again.code, again.err) == (2, f"Error: {aim} is not frozen\n")


@pytest.mark.parametrize("target", ["buyer", "agent:", "planet:earth", "", "run:run_nothing"])
def test_what_can_not_be_frozen(target: str, applied: Path, command: Command) -> None:
    said = command("freeze", target)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: ")
    assert said.err.count("\n") == 1


def test_an_unknown_outcome_is_settled_by_a_person(client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:

        def interrupted(page: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.call("erp.scan", {"page": 1}, using=interrupted)
    ((action, target, name, state, _),) = command("reconcile").rows
    assert (target, name, state) == ("erp.scan", "buyer", "unknown")
    assert command("reconcile", action).err == "Error: say what it came to: --status ok or --status error\n"
    for cost in ("ten", "-1", "1e999999", "NaN"):
        said = command("reconcile", action, "--status", "ok", "--cost", cost)
        assert said.code == 2
        assert said.err.startswith("Error: --cost: ")
    assert command("reconcile", "act_nothing", "--status", "ok").code == 2
    settled = command("reconcile", action, "--status", "error", "--cost", "0")
    assert (settled.code, settled.out) == (0, f"{action} is settled as error.\n")
    assert command("reconcile", "-o", "json").json == []
    assert command("reconcile", action, "--status", "ok").code == 2, "once"


def test_a_run_that_was_stopped_is_shown_as_stopped(applied: Path, client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        assert command("runs", "ls").rows[0][2] == "running"
        command("freeze", f"run:{run.id}")
        assert command("runs", "ls").rows[0][2] == "stopped"


def test_a_freeze_with_an_end_is_listed_with_it(applied: Path, command: Command) -> None:
    said = command("freeze", "team:procurement", "--reason", "stocktaking", "--until", "2h")
    assert said.out.startswith("team:procurement is frozen until 20")
    (row,) = command("stops").rows
    assert (row[0], row[1], row[2], row[5], row[6]) == ("team:procurement", "freeze", OWNER, "0 of 0", "stocktaking")
    assert row[4] in said.out
    (shown,) = command("stops", "-o", "json").json
    assert (shown["target"], moment(shown["until"])) == ("team:procurement", row[4])
    refused = command("freeze", "agent:buyer", "--until", "2020-01-01")
    assert refused.err.startswith("Error: until: 2020-01-01 does not say its zone")


def test_a_termination_asks_nobody_where_nobody_is(client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        asked = command("terminate", "agent:buyer", "--reason", "stolen")
        assert (asked.code, asked.err) == (2, "Error: nobody is there to be asked: say --yes\n")
        assert run.call("erp.get", {"id": "1"}, using=lambda id: "an order") == "an order"
        done = command("terminate", "agent:buyer", "--reason", "stolen", "--yes", "--revoke-keys")
        assert done.out == (
            "agent:buyer is terminated: 1 open runs ended, 0 keys revoked. Nothing of it is admitted.\n"
        )
        with pytest.raises(remit.Stopped, match="stolen"):
            run.call("erp.get", {"id": "1"}, using=lambda id: "an order")
    assert command("runs", "ls").rows[0][2] == "ended"
    assert command("stops").rows[0][:2] == ["agent:buyer", "termination"]
    assert command("unfreeze", "agent:buyer").err.startswith("Error: agent:buyer was terminated by")
    assert command("reactivate", "agent:buyer", "-m", "new key").code == 2
    assert command("reactivate", "agent:buyer", "-m", "new key", "--yes").out == "agent:buyer may start new runs.\n"
    with client.run("buyer", on_behalf_of=VISITOR) as anew:
        assert anew.call("erp.get", {"id": "1"}, using=lambda id: "an order") == "an order"
    assert command("terminate", "tool:erp.get", "-m", "odd", "--yes").err.startswith(
        "Error: tool:erp.get has no runs that could end: freeze it"
    )


def test_a_withdrawn_release_admits_nothing_more(applied: Path, client: Client, command: Command) -> None:
    with client.run("buyer", on_behalf_of=VISITOR) as run:
        release = run.release
        (applied / "agents/seller.yaml").write_text(agent("seller"))
        command("apply", applied)
        run.call("erp.get", {"id": "1"}, using=lambda id: "its release still stands")
        assert command("releases", "withdraw", release).code == 0
        with pytest.raises(remit.Denied, match="has been withdrawn"):
            run.call("erp.get", {"id": "1"}, using=lambda id: "never")
