"""One agent process, to be killed: it calls a guarded effect again and again until it is told to stop.

python worker.py DATABASE_URL EFFECTS_FILE STOP_FILE
"""

import os
import sys
import time
from pathlib import Path

import remit

WORK_S = 0.005
"""So that a kill mostly finds a worker in the middle of an effect."""


def main(url: str, effects: str, stop: Path) -> None:
    line = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def effect(page: int) -> str:
        time.sleep(WORK_S)
        # One write of less than a page to a file opened for appending is whole or not there.
        os.write(line, f"{run.id} {page}\n".encode())
        os.fsync(line)
        time.sleep(WORK_S)
        return f"page {page} of {os.getpid()}"

    number = 0
    client = remit.connect(url)
    while not stop.exists():
        with client.run("buyer", on_behalf_of="user:visitor") as run:
            for _ in range(5):
                number += 1
                try:
                    run.call("erp.scan", {"page": number}, using=effect)
                except remit.Denied:
                    break
    client.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
