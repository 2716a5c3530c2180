"""What people are told, word for word, kept in `golden/`.

`REMIT_UPDATE_GOLDEN=1 pytest tests/faults` writes the files anew; the difference is to be reviewed.
"""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def expect_told(case: str, said: str, **places: object) -> None:
    """Compare with the golden file of the case; each of `places` is written as its name in capitals."""
    for name, value in sorted(places.items(), key=lambda place: -len(str(place[1]))):
        said = said.replace(str(value), name.upper())
    golden = GOLDEN / f"{case.replace(' ', '-')}.txt"
    if os.environ.get("REMIT_UPDATE_GOLDEN"):
        golden.write_text(f"{said}\n", "utf-8")
    assert f"{said}\n" == golden.read_text("utf-8")
    assert all(line.isprintable() for line in said.splitlines()), "nothing that a terminal would act on"
