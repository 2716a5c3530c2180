"""One process of several that all try to use one approval at the same instant.

python racer.py DATABASE_URL RUN APPROVAL GO_FILE

It writes a line for each try: how it came out.
"""

import sys
import time
from pathlib import Path

from remit.compose import open_door, open_parts, open_queue
from remit.domain.ids import ApprovalId, RunId
from remit.settings import Settings

TRIES = 4


def main(url: str, run_id: str, approval_id: str, go: Path) -> None:
    parts = open_parts(Settings(database_url=url))
    queue = open_queue(parts)
    stored = parts.store.run(RunId(run_id))
    assert stored is not None
    run = parts.keys.salted(stored)
    door = open_door(parts, queue, run.workspace)
    found = door.approval(ApprovalId(approval_id))
    assert found is not None
    waited = door.waiting_for(found)
    first = door.attempt_tool(run, "erp.pay", {"amount": 900})
    attempts = [door.again(first, waited) for _ in range(TRIES)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not go.exists():
        time.sleep(0.0005)
    for attempt in attempts:
        sys.stdout.write(f"{door.admit(attempt).state.value}\n")
    queue.close()
    parts.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
