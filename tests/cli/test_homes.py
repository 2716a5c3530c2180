"""The same commands on a database and at a server: the same words, the same refusals."""

from pathlib import Path

import pytest

import remit
from tests.cli.conftest import Command
from tests.cli.desk import PASSWORD, at_the_keyboard, token_of
from tests.served import Served
from tests.worlds import OWNER, SARA, VISITOR, WORKSPACE, files


@pytest.fixture(params=["database", "server"])
def place(request: pytest.FixtureRequest, desk: Served, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where commands work, as OWNER with every role."""
    if request.param == "server":
        monkeypatch.setenv("REMIT_URL", desk.url)
        monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    else:
        monkeypatch.setenv("REMIT_DATABASE_URL", desk.world.url)
        monkeypatch.setenv("REMIT_USER", OWNER)
    return str(request.param)


def test_runs_are_listed_and_shown(place: str, command: Command) -> None:
    ((run, agent, state, steps, _, user),) = command("runs", "ls").rows
    assert (agent, state, steps, user) == ("buyer", "running", "1", VISITOR)
    assert command("runs", "ls", "--state", "ended").out == ""
    head, *rows = command("runs", "show", run).rows
    assert head[0].startswith(f"{run}  buyer for {VISITOR}  rel_")
    assert [row[2:5] for row in rows] == [["erp.get", "allow", "ok"], ["erp.pay", "hold", ""], ["erp.drop", "deny", ""]]
    assert "ليست ضمن صلاحية" in command("runs", "show", run, "--lang", "ar").out
    said = command("runs", "show", "run_nothing")
    assert (said.code, said.out, said.err) == (
        2,
        "",
        "Error: there is no run run_nothing. `remit runs ls` lists them.\n",
    )


def test_a_freeze_is_set_and_lifted(place: str, desk: Served, command: Command) -> None:
    assert command("freeze", "agent:buyer", "-m", "prices look wrong").code == 0
    with (
        pytest.raises(remit.Stopped, match="prices look wrong"),
        desk.world.client.run("buyer", on_behalf_of=VISITOR) as run,
    ):
        run.call("erp.get", {"id": "2"}, using=lambda id: id)
    assert command("unfreeze", "agent:buyer").out == "agent:buyer goes on.\n"
    refused = command("freeze", "agent:buyerr")
    assert (refused.code, refused.out) == (2, "")
    assert "buyerr" in refused.err


def test_an_approval_is_answered(place: str, command: Command) -> None:
    ((id, target, *_),) = command("approvals", "ls").rows
    assert target == "erp.pay"
    digest = command("approvals", "show", id, "-o", "json").json["digest"]
    owns = command("approvals", "approve", id, "--digest", digest)
    assert (owns.code, owns.out) == (2, "")
    # A payment is answered by somebody signed in: a token alone is turned away before anything else is looked at.
    assert ("owns buyer" if place == "database" else "is answered by a signed-in person") in owns.err


def test_somebody_else_approves_at_the_server(desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk, SARA))
    ((id, *_),) = command("approvals", "ls").rows
    digest = command("approvals", "show", id, "-o", "json").json["digest"]
    asked = at_the_keyboard(monkeypatch, PASSWORD)
    approved = command("approvals", "approve", id, "--digest", digest[:12], "-m", "fine")
    assert asked == [f"Password of {SARA} at {desk.url}"], "it is a payment"
    assert (approved.code, approved.out) == (0, f"{id} is approved.\n")
    refused = command("unfreeze", "agent:buyer")
    assert refused.code == 2
    assert refused.err == f"Error: {SARA} has none of the roles this needs. Ask an admin for one of: admin, operator.\n"


def test_a_folder_is_compared_applied_and_taken_back(
    place: str, desk: Served, command: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    for name, content in files({"policies/pay.cedar": None}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    before = command("releases").rows[0][0]
    differs = command("diff", folder)
    assert (differs.code, differs.err) == (1, "")
    assert "policies/pay.cedar is removed" in differs.out
    assert command("apply", folder, "-m", "no more holds").code == 0
    assert command("diff", folder).code == 0
    (made,) = (row for row in command("releases").rows if row[0] != before)
    assert (made[1], *made[3:]) == ("active", OWNER, "no more holds")
    assert command("rollback").out == f"Channel production now points at {before}.\n"
    (folder / "agents/buyer.yaml").write_text("kind: Agent\nname: buyer\n")
    wrong = command("apply", folder)
    assert (wrong.code, wrong.out) == (2, "")
    assert "run `remit validate` to see them all" in wrong.err
    assert command("releases", "withdraw", made[0][:12]).code == 0


def test_people_are_listed(place: str, command: Command) -> None:
    assert [row[0] for row in command("people", "ls").rows] == [OWNER, SARA]


def test_what_needs_a_session_is_refused_where_nobody_can_be_asked(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    for arguments in (["keys", "make", "buyer"], ["people", "add", "user:eve"], ["keys", "ls"]):
        said = command(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err == (
            "Error: a token may not do this: it needs you signed in. Run it on a terminal, where your password is"
            " asked for; or on the database itself.\n"
        )


def test_what_needs_a_session_asks_for_the_password_and_ends_the_session(
    desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    asked = at_the_keyboard(monkeypatch, PASSWORD)
    made = command("keys", "make", "buyer", "--label", "desk")
    assert made.code == 0, made.err
    assert made.out.startswith("rmt_a_")
    assert asked == [f"Password of {OWNER} at {desk.url}"]
    assert PASSWORD not in made.out + made.err
    held = [c for c in desk.world.store.credentials(WORKSPACE, OWNER) if c.kind.value == "session"]
    assert [c.revoked_at is None for c in held] == [False]
    wrong = at_the_keyboard(monkeypatch, "wrong password")
    refused = command("keys", "ls")
    assert (refused.code, refused.out, len(wrong)) == (2, "", 1)
    assert "name or password is not right" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [("erase", "x", "--yes"), ("audit", "seal"), ("replay",), ("reconcile",), ("export", "out")],
    ids=" ".join,
)
def test_what_works_on_a_database_only_says_so(
    arguments: tuple[str, ...], desk: Served, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REMIT_URL", desk.url)
    monkeypatch.setenv("REMIT_TOKEN", token_of(desk))
    said = command(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"Error: this works on a database only, and REMIT_URL and REMIT_TOKEN says {desk.url}: run it where the"
        " database is, as `remit --context local ...`\n"
    )
