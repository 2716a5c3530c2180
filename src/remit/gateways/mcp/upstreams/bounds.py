"""How much a server behind the gateway may take, send and keep waiting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpstreamBounds:
    """Bounds of one server, besides those its document sets (start and answer times, concurrency).

    Attributes:
        message_bytes: of one message that it sends.
        unwritten_bytes: of what was sent to a process that does not read; more is refused as busy.
        listed: most tools, resources, templates and prompts, each, that are read of it.
        pages: most pages of one list.
        listed_bytes: of one list as canonical JSON, all pages together.
        fresh_s: how long what it offers is believed without asking again.
        stale_s: how long it is believed while somebody asks anew; after that whoever asks waits.
        waiting: most requests that wait for one of its `concurrency`; one more is busy.
        waiting_s: how long one of them waits.
        sessions: most conversations of its own kept for clients, of a server that has any.
        session_idle_s: after which pause one of them ends.
        listening: most subscriptions held open.
        news: most notifications of one request that wait for its client; more are dropped.
        unasked_per_s: most messages a second that answer no request; a server that sends more floods, and is given up.
        questions: most questions of one request to its client at the same time.
        question_s: how long a client may take to answer one; the time of the call stands still meanwhile.
        rounds: how often one request may come back asking for input.
        junk: how many unusable messages in a row end a process.
        backoff_s, backoff_most_s: pause after the first failure, and the longest; it doubles in between.
        failures: how many in a row open the breaker.
        open_s, open_most_s: how long it stays open at first, and at most; it doubles in between.
        alive_s: how long a process that let a call time out may take to show that it lives.
        farewell_s: how long a process may take to end by itself once its input is closed, and again after SIGTERM.
        said_bytes: of the end of what it wrote to standard error.
        servers: most servers that are kept, of all workspaces.
        idle_s: after which pause one that nobody asks is ended.
    """

    message_bytes: int = 16 * 1_048_576
    unwritten_bytes: int = 32 * 1_048_576
    listed: int = 2_000
    pages: int = 100
    listed_bytes: int = 4 * 1_048_576
    fresh_s: float = 5.0
    stale_s: float = 15.0
    waiting: int = 256
    waiting_s: float = 10.0
    sessions: int = 32
    session_idle_s: float = 300.0
    listening: int = 256
    news: int = 256
    unasked_per_s: int = 2_000
    questions: int = 8
    question_s: float = 300.0
    rounds: int = 8
    junk: int = 100
    backoff_s: float = 0.25
    backoff_most_s: float = 30.0
    failures: int = 5
    open_s: float = 5.0
    open_most_s: float = 60.0
    alive_s: float = 2.0
    farewell_s: float = 1.0
    said_bytes: int = 4_096
    servers: int = 1_000
    idle_s: float = 900.0
