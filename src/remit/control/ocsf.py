"""Records as events for a SIEM: OCSF 1.3, class API Activity (6003), https://schema.ocsf.io/1.3.0/classes/api_activity.

The mapping is told in docs/how-to/audit.md. Nothing is guessed: what OCSF has no place for stands in `unmapped`.
"""

from __future__ import annotations

from typing import Any

import orjson

from remit.domain.clock import MICROS_PER_SECOND

VERSION = "1.3.0"
CLASS_UID, CATEGORY_UID = 6003, 6

UNKNOWN, CREATE, READ, UPDATE, DELETE, OTHER = 0, 1, 2, 3, 4, 99
SUCCESS, FAILURE = 1, 2
INFORMATIONAL, LOW, MEDIUM, HIGH = 1, 2, 3, 4

_ACTIVITIES = {
    "run_started": CREATE,
    "run_ended": UPDATE,
    "release_made": CREATE,
    "release_proposed": UPDATE,
    "release_activated": UPDATE,
    "release_withdrawn": UPDATE,
    "trial_changed": UPDATE,
    "approval_answered": UPDATE,
    "approval_escalated": UPDATE,
    "approval_expired": UPDATE,
    "approval_edited": UPDATE,
    "question_asked": UPDATE,
    "question_answered": UPDATE,
    "delegation_changed": UPDATE,
    "stop_changed": UPDATE,
    "workflow_asked": UPDATE,
    "payload_read": READ,
    "payloads_erased": DELETE,
    "ledger_key_changed": UPDATE,
}
_ACTIVITY_NAMES = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete", OTHER: "Other"}
_STATUS_NAMES = {UNKNOWN: "Unknown", SUCCESS: "Success", FAILURE: "Failure"}
_SEVERITIES = {INFORMATIONAL: "Informational", LOW: "Low", MEDIUM: "Medium", HIGH: "High"}
_SEVERITY_OF_STATE = {"admitted": INFORMATIONAL, "held": LOW, "denied": MEDIUM}
_SEVERITY_OF_KIND = {"stop_changed": HIGH, "payloads_erased": MEDIUM, "ledger_key_changed": MEDIUM, "payload_read": LOW}


def event(body: bytes, version: str) -> bytes:
    """Return a record as one line of JSON; `version` is Remit's."""
    record = orjson.loads(body)
    activity = _ACTIVITIES.get(record["kind"], OTHER)
    status, detail = _status(record)
    severity = _SEVERITY_OF_STATE.get(str(record.get("state")), _SEVERITY_OF_KIND.get(record["kind"], INFORMATIONAL))
    mapped: dict[str, Any] = {
        "activity_id": activity,
        "activity_name": record["kind"] if activity == OTHER else _ACTIVITY_NAMES[activity],
        "actor": _actor(record),
        "api": _api(record),
        "category_name": "Application Activity",
        "category_uid": CATEGORY_UID,
        "class_name": "API Activity",
        "class_uid": CLASS_UID,
        "metadata": {
            "product": {"name": "Remit", "vendor_name": "Remit", "version": version},
            "sequence": record["no"],
            "tenant_uid": record["workspace"],
            "uid": record["key"],
            "version": VERSION,
        },
        "severity": _SEVERITIES[severity],
        "severity_id": severity,
        "src_endpoint": {"name": record.get("agent") or "control plane"},
        "status": _STATUS_NAMES[status],
        "status_id": status,
        "time": record["at"] * 1000 // MICROS_PER_SECOND,
        "type_name": f"API Activity: {_ACTIVITY_NAMES[activity]}",
        "type_uid": CLASS_UID * 100 + activity,
        "unmapped": {"remit": {name: value for name, value in record.items() if name not in ("facts", "v")}},
    }
    if detail:
        mapped["status_detail"] = detail
    return orjson.dumps(mapped, option=orjson.OPT_SORT_KEYS)


def _actor(record: dict[str, Any]) -> dict[str, Any]:
    """Return who acted: a person, or an agent on somebody's behalf."""
    actor: dict[str, Any] = {}
    if record.get("agent"):
        actor["app_name"] = record["agent"]
    person = record.get("on_behalf_of") or record.get("by")
    if person:
        actor["user"] = {"name": person}
    return actor or {"app_name": "remit"}


def _api(record: dict[str, Any]) -> dict[str, Any]:
    """Return what was called: a tool or model of an action, else what happened to the workspace."""
    operation = record.get("target") or record["kind"]
    request = record.get("action") or record.get("run") or record["key"]
    return {"operation": operation, "request": {"uid": request}, "service": {"name": "Remit"}}


def _status(record: dict[str, Any]) -> tuple[int, str]:
    """Return whether it succeeded. A held action has not been decided, an unknown outcome stays unknown."""
    match record["kind"]:
        case "decision_made":
            state = record["state"]
            return {"admitted": SUCCESS, "denied": FAILURE}.get(state, UNKNOWN), state
        case "outcome_reported":
            status = record["status"]
            return {"ok": SUCCESS, "error": FAILURE}.get(status, UNKNOWN), record.get("error") or status
        case _:
            return SUCCESS, ""
