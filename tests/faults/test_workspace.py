"""Hostile files: `remit validate` says what is wrong, `remit apply` makes nothing of them, what was active stays."""

from pathlib import Path

import pytest

from remit.cli.main import run as command
from remit.domain.record import RecordKind
from tests.faults.ground import ground
from tests.faults.told import expect_told
from tests.worlds import WORKSPACE, files

BAD: dict[str, tuple[str, bytes]] = {
    "malformed YAML": ("agents/buyer.yaml", b"kind: Agent\nname: [buyer\n"),
    "a key given twice": ("agents/buyer.yaml", b"kind: Agent\nname: buyer\nname: seller\n"),
    "a bidirectional override in a name": ("agents/buyer.yaml", "kind: Agent\nname: bu\u202ereyer\n".encode()),
    "a name of another script": ("agents/buyer.yaml", "kind: Agent\nname: buyеr\n".encode()),
    "bytes that are no text": ("people.yaml", b"kind: Person\nid: user:\xff\n"),
    "a NUL": ("people.yaml", b"kind: Person\nid: user:a\x00b\n"),
    "an alias bomb": ("people.yaml", b"a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]\n"),
    "NaN": ("budgets.yaml", b"kind: Budget\nname: b\nlevel: workspace\nwindow: day\nusd: .nan\n"),
    "deep nesting": ("tools/erp.yaml", b"kind: Tool\ninput: " + b"[" * 10_000),
    "a policy that does not parse": ("policies/pay.cedar", b"forbid (principal, action, resource) when { ;"),
}


@pytest.mark.parametrize("case", BAD)
def test_hostile_files(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, content = BAD[case]
    folder = tmp_path / "tiny"
    for name, text in {**files(), path: content}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)

    assert command(["validate", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    expect_told(f"validate {case}", "\n".join(line for line in lines if line.startswith(path)))
    first = next(line for line in lines if ": error: " in line)

    (tmp_path / "data").mkdir()
    with ground(tmp_path / "data") as it, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REMIT_DATABASE_URL", it.world.url)
        active, made = it.world.store.active(WORKSPACE, "production"), it.world.records(RecordKind.RELEASE_MADE)
        assert command(["apply", str(folder)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
        # Bytes that are no text are refused before they are read as a workspace: then only the file is named.
        told = "people.yaml: is no UTF-8" if case == "bytes that are no text" else first.removesuffix(".")
        assert told in err
        assert it.world.store.active(WORKSPACE, "production") == active
        assert it.world.records(RecordKind.RELEASE_MADE) == made
        it.works()
