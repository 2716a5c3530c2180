"""An agent at work on a real database, with a tool that counts how often it really ran."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from remit.domain.record import RecordKind
from remit.sdk.run import ActiveRun
from tests.worlds import VISITOR, World, world


@dataclass
class Ground:
    """A world and what its tool did."""

    world: World
    ran: list[dict[str, Any]] = field(default_factory=list)

    def tool(self, **arguments: Any) -> str:
        self.ran.append(arguments)
        return f"order {len(self.ran)}"

    def run(self) -> ActiveRun:
        return self.world.client.run("buyer", on_behalf_of=VISITOR)

    def call(self, run: ActiveRun, arguments: Mapping[Any, Any] | None = None, tool: str = "erp.get") -> Any:
        return run.call(tool, {"id": "1"} if arguments is None else arguments, using=self.tool)

    def works(self) -> None:
        """A new run and a call in it do what they should."""
        before = len(self.ran)
        with self.run() as run:
            assert self.call(run) == f"order {before + 1}"
        assert len(self.ran) == before + 1

    def admitted(self) -> list[dict[str, Any]]:
        return [record for record in self.world.records(RecordKind.DECISION_MADE) if record["state"] == "admitted"]

    def expect_recorded_before_run(self) -> None:
        """Nothing ran that was not admitted first."""
        assert len(self.ran) <= len(self.admitted())


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    with world(folder) as it:
        yield Ground(it)
