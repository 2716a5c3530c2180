"""How much the MCP gateway takes on. Whatever is beyond is refused in the client's own dialect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class McpLimits:
    """Bounds of one process.

    Attributes:
        sessions: most sessions of clients that say `initialize`, `sessions_each` of one agent.
        session_idle_s: after which silence such a session is over; its conversation may go on in another.
        streams: most streams that stay open (GET, and `subscriptions/listen`), `streams_each` of one agent.
        questions: most questions of servers that wait for one session's client at once.
        question_s: how long a client may take to answer one, and to come back with what it was asked for.
        tasks: most tasks that are kept, `tasks_each` of one agent.
        task_s: how long a task is kept after it was last looked at.
        task_after_s: how long a call may take before a client that knows tasks gets one.
        poll_ms, hold_poll_ms: how often a client should look at its task, and at one that waits for people.
        ping_s: how often a silent stream says that it is there.
        look_s: after how long a call is watched for its client hanging up, and for stops.
        slowest_s: how long a client may take to accept what it is sent.
        waiting: most notifications that wait for one slow client; further ones are dropped.
        events: how many events of one request are kept for a client that comes back, `broken` requests of one session.
        resume_s: how long it may take to come back, before its call is cut.
        list_ttl_ms: how long a client may think that a list is as it was.
        changes_s: how often it is looked whether what a stream's client may use has changed.
        again_s: after which pause a server that does not let itself be listened to is tried again.
        rounds: how often one call may ask its client.
    """

    sessions: int = 4_096
    sessions_each: int = 256
    session_idle_s: float = 1_800.0
    streams: int = 1_024
    streams_each: int = 128
    questions: int = 32
    question_s: float = 300.0
    tasks: int = 4_096
    tasks_each: int = 256
    task_s: float = 3_600.0
    task_after_s: float = 0.5
    poll_ms: int = 500
    hold_poll_ms: int = 2_000
    ping_s: float = 15.0
    look_s: float = 0.2
    slowest_s: float = 10.0
    waiting: int = 1_024
    events: int = 256
    broken: int = 8
    resume_s: float = 30.0
    list_ttl_ms: int = 5_000
    changes_s: float = 1.0
    again_s: float = 5.0
    rounds: int = 10
