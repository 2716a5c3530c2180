"""Secrets are found by reference, at once, and never told."""

from pathlib import Path

import pytest

from remit.storage.vault import MachineVault, NoSecret, spelled_out


def test_what_a_reference_leads_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" s3cret\n")
    vault = MachineVault({"TOKEN": "t0ken "})
    assert vault.secret("env:TOKEN") == "t0ken"
    assert vault.secret(f"file:{tmp_path / 'token'}") == "s3cret"
    assert spelled_out(vault, "production") == "production"
    assert spelled_out(vault, "env:TOKEN") == "t0ken"


@pytest.mark.parametrize("reference", ["env:NOTHING", "env:EMPTY", "file:/nowhere/at/all", "file:/", "plain text"])
def test_a_reference_that_leads_nowhere_is_named_and_nothing_else(reference: str) -> None:
    with pytest.raises(NoSecret) as caught:
        MachineVault({"EMPTY": "  "}).secret(reference)
    assert ("plain text" in str(caught.value)) is False
    assert "leads to no secret" in str(caught.value)
