"""In which run a call is: named, or its conversation's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.gateways.llm.gateway import Gateway, gateway
from tests.served import Reply
from tests.worlds import MODEL

CHAT = "/openai/v1/chat/completions"


def say(it: Gateway, *words: str, **more: Any) -> Reply:
    messages = [{"role": "assistant" if number % 2 else "user", "content": word} for number, word in enumerate(words)]
    return it.server.ask("POST", CHAT, {"model": MODEL, "messages": messages}, **more)


def test_the_run_is_the_one_that_is_named_or_the_conversations(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        first = say(it, "One")
        assert say(it, "One", "yes", "and then?").headers["remit-run"] == first.headers["remit-run"]
        assert say(it, "Two").headers["remit-run"] != first.headers["remit-run"]
        other = say(it, "One", headers={"Remit-On-Behalf-Of": "user:visitor"})
        assert other.headers["remit-run"] != first.headers["remit-run"]
        started = it.server.start()
        named = say(it, "One", headers={"Remit-Run": started["run"]})
        assert named.headers["remit-run"] == started["run"]
        assert say(it, "One", key=started["token"]).headers["remit-run"] == started["run"]
        unknown = say(it, "One", headers={"Remit-Run": "run_of_nobody"})
        assert (unknown.status, unknown.document["error"]["code"]) == (404, "no_run")
        assert len(it.fake.requests) == 6


def test_a_conversation_whose_run_has_ended_goes_on_in_another(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        first = say(it, "One").headers["remit-run"]
        assert it.server.ask("POST", f"/api/v1/runs/{first}/end", {}).status == 200
        second = say(it, "One")
        assert second.status == 200
        assert second.headers["remit-run"] != first
        named = say(it, "One", headers={"Remit-Run": first})
        assert (named.status, named.document["error"]["code"]) == (403, "standing.run_ended")
