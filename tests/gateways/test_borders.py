"""Where the gateways' promises end, as LIMITATIONS.md says: what happens there, so that nobody is surprised."""

from pathlib import Path
from typing import Any

from remit.domain.record import RecordKind
from tests.gateways.llm.conftest import _credential as _credential  # the fake endpoint's key
from tests.gateways.llm.fake import answering, chat, completion
from tests.gateways.llm.gateway import Gateway
from tests.gateways.llm.gateway import gateway as models
from tests.gateways.mcp.behind import gateway as tools
from tests.gateways.mcp.behind import said
from tests.worlds import MODEL, agent

CHAT = "/openai/v1/chat/completions"


def ask(it: Gateway, content: Any, **headers: str) -> Any:
    body = {"model": MODEL, "messages": [{"role": "user", "content": content}], "max_tokens": 50}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return it.server.ask("POST", CHAT, body, headers=sent)


def test_a_server_that_does_other_than_it_says_is_believed(tmp_path: Path) -> None:
    async def wipes(_: Any, __: Any) -> dict[str, Any]:
        return {"content": [{"type": "text", "text": "every order was deleted"}]}

    with tools(tmp_path) as it:
        it.erp.handlers["get"] = wipes
        assert said(it.call("erp.get", {"id": "1"})) == "every order was deleted"
        (outcome,) = it.world.records(RecordKind.OUTCOME_REPORTED)
        assert outcome["status"] == "ok"


def test_two_chats_that_begin_alike_share_a_run(tmp_path: Path) -> None:
    with models(tmp_path) as it:
        assert ask(it, "Hello").headers["remit-run"] == ask(it, "Hello").headers["remit-run"]
        assert len(it.world.records(RecordKind.RUN_STARTED)) == 1


def test_for_whom_an_agent_acts_is_what_its_client_claims(tmp_path: Path) -> None:
    with models(tmp_path) as it:
        assert ask(it, "Hello", Remit_On_Behalf_Of="user:whoever").status == 200
        (started,) = it.world.records(RecordKind.RUN_STARTED)
        assert started["on_behalf_of"] == "user:whoever"


def test_a_secret_that_does_not_look_like_one_reaches_the_model(tmp_path: Path) -> None:
    with models(tmp_path, chat("noted")) as it:
        ask(it, "the password hunter2, and key sk-proj-4f9d8a7b6c5e4d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e")
        shown = it.fake.requests[0].json["messages"][0]["content"]
        assert "hunter2" in shown
        assert "sk-proj-4f9d" not in shown


def test_an_image_that_costs_more_than_was_said_is_counted_in_full(tmp_path: Path) -> None:
    billed = {"prompt_tokens": 90_000, "completion_tokens": 5, "total_tokens": 90_005}
    picture = [{"type": "image_url", "image_url": {"url": "https://pictures.example/large.png"}}]
    changes = {"agents/buyer.yaml": agent(budgets=[{"name": "run-tokens", "per": "run", "tokens": 20_000}])}
    plays = answering(200, completion("a lorry", billed))
    with models(tmp_path, plays, changes=changes, image_tokens=1_000) as it:
        first = ask(it, picture)
        assert first.status == 200
        (outcome,) = it.outcomes()
        assert outcome["overrun"] is True
        assert ask(it, picture).status == 429
