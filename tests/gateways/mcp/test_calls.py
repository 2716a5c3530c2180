"""A call from a client to a server and back: admitted, carried out, settled, on record."""

from __future__ import annotations

from pathlib import Path

from remit.domain.record import RecordKind
from tests.gateways.mcp.behind import gateway, said


def test_a_call_is_admitted_carried_out_and_on_record(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        result = it.call("erp.get", {"id": "7"})
        assert said(result) == 'tools/call {"arguments": {"id": "7"}, "name": "get"}'
        assert result["resultType"] == "complete"
        [decision] = it.world.records(RecordKind.DECISION_MADE)
        assert (decision["target"], decision["state"]) == ("erp.get", "admitted")
        assert decision["assurance"] == "enforced"
        [outcome] = it.world.records(RecordKind.OUTCOME_REPORTED)
        assert (outcome["action"], outcome["status"]) == (decision["action"], "ok")
    assert it.servers.is_closed


def test_a_client_with_a_handshake_is_held_to_the_same(tmp_path: Path) -> None:
    with gateway(tmp_path) as it:
        began = it.initialize()
        assert began.status == 200
        assert began.document["result"]["protocolVersion"] == "2025-11-25"
        reply = it.old("tools/call", {"name": "erp.get", "arguments": {"id": "7"}})
        assert "resultType" not in reply.document["result"]
        assert said(reply.document["result"]).startswith("tools/call")
        [decision] = it.world.records(RecordKind.DECISION_MADE)
        assert decision["target"] == "erp.get"


def test_what_is_not_granted_is_denied_in_words_and_reaches_no_server(tmp_path: Path) -> None:
    with gateway(tmp_path, granted=("erp.get",)) as it:
        result = it.call("erp.pay", {"amount": 3})
        assert result["isError"] is True
        assert said(result) == "erp.pay was denied: erp.pay is not in the remit of buyer."
        assert result["_meta"]["remit/outcome"]["findings"][0]["code"] == "grant.tool_not_granted"
        assert it.erp.dispatched == []
        arabic = it.call("erp.pay", {"amount": 3}, Accept_Language="ar")
        assert "ليست ضمن صلاحية buyer" in said(arabic)
