"""An agent with a valid key that wants more of a model than its remit gives it."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from remit.domain.facts import ScopeKind
from tests.gateways.llm.fake import chat_events, streaming
from tests.gateways.llm.gateway import gateway
from tests.worlds import MODEL, budget

CHAT = "/openai/v1/chat/completions"
SLOW = streaming(chat_events([f"word{number} " for number in range(100)]), 0.02)


def test_an_agent_can_not_say_of_an_open_call_that_it_never_was(tmp_path: Path) -> None:
    with gateway(tmp_path, SLOW, changes={"budgets.yaml": budget("day", "agent", "day", tokens=20_000)}) as it:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 900, "stream": True}
        connection = http.client.HTTPConnection(it.server.host, it.server.port, timeout=20)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {it.server.key()}"}
        connection.request("POST", CHAT, json.dumps(body), headers)
        answer = connection.getresponse()
        run, action = answer.headers["remit-run"], answer.headers["remit-action"]
        told = {"status": "error", "error": "Never", "dispatched": False}
        reply = it.server.ask("POST", f"/api/v1/runs/{run}/actions/{action}/outcome", told)
        assert (reply.status, reply.document["code"]) == (409, "nothing_open")
        [spend] = it.world.scope(ScopeKind.AGENT, "buyer").spends.values()
        assert spend.reserved > 900
        answer.read()
        connection.close()
        assert [each["cost"]["tokens"] for each in it.outcomes()] == [25]
