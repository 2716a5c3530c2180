"""One agent process of several threads, to be killed: guarded effects again and again until it is told to stop.

python worker.py DATABASE_URL EFFECTS_FILE STOP_FILE THREADS

It writes a line for each effect, when the effect happens, and one for each other end of a call that it saw.
"""

import os
import sys
import threading
import time
from pathlib import Path

import remit

CALLS_IN_A_RUN = 10


def main(url: str, lines: str, stop: Path, threads: int) -> None:
    out = os.open(lines, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(what: str, run: str = "-") -> None:
        # One write of less than a page to a file opened for appending is whole or not there.
        os.write(out, f"{what} {run} {os.getpid()}\n".encode())

    def work(client: remit.Client) -> None:
        while not stop.exists():
            try:
                with client.run("buyer", on_behalf_of="user:visitor") as run:
                    for number in range(CALLS_IN_A_RUN):
                        run.call("erp.scan", {"page": number}, using=lambda page, run=run: tell("effect", run.id))
            except remit.Stopped:
                tell("stopped")
                time.sleep(0.02)
            except remit.Denied:
                tell("denied")
                time.sleep(0.05)
            except remit.Unavailable:
                tell("unavailable")
                time.sleep(0.05)

    client = remit.connect(url)
    tell("ready")
    workers = [threading.Thread(target=work, args=(client,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    client.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
