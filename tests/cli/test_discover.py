"""`remit discover`: what agents on a machine use, routed through Remit, and put back byte for byte."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import Command

GITHUB = "ghp_a8S7d6F5g4H3j2K1l0Q9w8E7r6T5y4U3i2O1"

CLAUDE = {
    "numStartups": 3,
    "mcpServers": {
        "github": {"type": "stdio", "command": "npx", "args": ["-y", "github-mcp"], "env": {"GITHUB_TOKEN": GITHUB}},
        "old": {"type": "sse", "url": "https://old.example.com/sse"},
    },
    "projects": {
        "/home/x/shop": {"mcpServers": {"files": {"command": "files-server", "args": ["--root", "/srv/shop"]}}, "n": 1}
    },
    "ünïcode": "يبقى",
}
PROJECT = {"mcpServers": {"db": {"command": "./serve", "env": {"DB_URL": "${SHOP_DB}", "MODE": "read"}}}}
CURSOR = {
    "mcpServers": {
        "linear": {"url": "https://mcp.linear.example/mcp", "headers": {"Authorization": f"Bearer {GITHUB}"}}
    }
}
CODEX = f"""\
# mine
model = "gpt-5"   # the good one

[mcp_servers.github]
command = "npx"
args = ["-y", "github-mcp"]
env = {{ GITHUB_TOKEN = "{GITHUB}" }}

[mcp_servers.local]
url = "http://localhost:9000/mcp"
bearer_token_env_var = "LOCAL_TOKEN"

[model_providers.azure]
name = "Azure"
base_url = "https://azure.example.com/openai"
env_key = "AZURE_KEY"

[tui]
theme = "dark"
"""
VSCODE = '{\n  // mine\n  "servers": {"a": {"command": "b"}}\n}\n'
SETTINGS = {"env": {"ANTHROPIC_BASE_URL": "https://proxy.example.com", "ANTHROPIC_API_KEY": GITHUB, "OTHER": "x"}}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with the settings of five programs, a project, and an empty workspace."""
    home, project = tmp_path / "home", tmp_path / "project"
    for path, content in {
        home / ".claude.json": json.dumps(CLAUDE, indent=2, ensure_ascii=False),
        home / ".claude" / "settings.json": json.dumps(SETTINGS, indent="\t") + "\n",
        home / ".cursor" / "mcp.json": json.dumps(CURSOR),
        home / ".codex" / "config.toml": CODEX,
        project / ".mcp.json": json.dumps(PROJECT, indent=4) + "\n\n",
        project / ".vscode" / "mcp.json": VSCODE,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    (home / ".claude.json").chmod(0o600)
    (tmp_path / "company").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("OPENAI_BASE_URL", f"https://user:{GITHUB}@llm.example.com/v1")
    for name in ("XDG_STATE_HOME", "REMIT_PUBLIC_URL", "ANTHROPIC_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(project)
    return tmp_path


def snapshot(machine: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(machine)): (path.read_bytes(), path.stat().st_mode)
        for path in machine.rglob("*")
        if path.is_file()
    }


def test_without_apply_nothing_is_changed_and_no_secret_is_shown(machine: Path, command: Command):
    before = snapshot(machine)
    said = command("discover", "--dir", machine / "company")
    assert said.code == 0
    assert snapshot(machine) == before
    assert GITHUB not in said.out + said.err
    assert "Claude Code: github in" in said.out
    assert "would be the ToolServer `github`" in said.out
    assert "old in" in said.out
    assert "is left alone: it speaks the HTTP+SSE transport of 2024, which is not spoken here" in said.out
    assert "mcp.json is left alone: it is no JSON without comments: change it by hand" in said.out
    assert "OPENAI_BASE_URL leads to llm.example.com: set it to http://127.0.0.1:7070/openai/v1" in said.out


def test_settings_are_routed_and_secrets_stay_out_of_the_workspace(machine: Path, command: Command):
    said = command(
        "discover", "--dir", machine / "company", "--url", "https://remit.example.com/", "--apply", "-o", "json"
    )
    assert said.code == 0
    assert GITHUB not in said.out
    text = (machine / "company" / "servers" / "discovered.yaml").read_text("utf-8")
    assert GITHUB not in text
    assert command("validate", machine / "company").code == 0
    drafts = {one["name"]: one for one in said.json["drafts"]}
    assert drafts["github"]["command"] == ["npx", "-y", "github-mcp"]
    assert drafts["github"]["env"] == {"GITHUB_TOKEN": "env:GITHUB_GITHUB_TOKEN"}
    assert drafts["db"]["env"] == {"DB_URL": "env:SHOP_DB", "MODE": "read"}
    assert drafts["db"]["folder"] == str(machine / "project")
    assert drafts["linear"]["headers"] == {"Authorization": "env:LINEAR_AUTHORIZATION"}
    assert drafts["local"]["private"] is True
    assert said.json["variables"]["linear"] == ["LINEAR_AUTHORIZATION"]
    assert sorted(drafts) == ["db", "files", "github", "linear", "local"], "what two programs use alike is one server"


def test_each_program_finds_remit_with_the_agents_key_from_its_environment(machine: Path, command: Command):
    command("discover", "--dir", machine / "company", "--url", "https://remit.example.com", "--apply")
    url = "https://remit.example.com/mcp"
    claude = json.loads((machine / "home/.claude.json").read_text("utf-8"))
    entry = {"type": "http", "url": url, "headers": {"Authorization": "Bearer ${REMIT_API_KEY}"}}
    assert claude["mcpServers"] == {"old": CLAUDE["mcpServers"]["old"], "remit": entry}  # type: ignore[index]
    assert claude["projects"]["/home/x/shop"] == {"mcpServers": {"remit": entry}, "n": 1}
    assert (machine / "home/.claude.json").stat().st_mode & 0o777 == 0o600
    cursor = json.loads((machine / "home/.cursor/mcp.json").read_text("utf-8"))
    assert cursor["mcpServers"]["remit"] == {"url": url, "headers": {"Authorization": "Bearer ${env:REMIT_API_KEY}"}}
    codex = (machine / "home/.codex/config.toml").read_text("utf-8")
    assert codex.startswith('# mine\nmodel = "gpt-5"   # the good one\n')
    settings = tomllib.loads(codex)
    assert settings["mcp_servers"] == {"remit": {"url": url, "bearer_token_env_var": "REMIT_API_KEY"}}
    provider = settings["model_providers"]["azure"]
    assert (provider["base_url"], provider["env_key"]) == ("https://remit.example.com/openai/v1", "REMIT_API_KEY")
    env = json.loads((machine / "home/.claude/settings.json").read_text("utf-8"))["env"]
    assert env == {"ANTHROPIC_BASE_URL": "https://remit.example.com/anthropic", "OTHER": "x"}
    assert (machine / "project/.vscode/mcp.json").read_text("utf-8") == VSCODE


def test_undo_puts_everything_back_byte_for_byte(machine: Path, command: Command):
    before = snapshot(machine)
    command("discover", "--dir", machine / "company", "--apply")
    assert snapshot(machine) != before
    room = machine / "home/.local/state/remit/discover"
    assert all(path.stat().st_mode & 0o077 == 0 for path in room.rglob("*")), "the copies hold secrets"
    said = command("discover", "--undo")
    assert said.code == 0
    assert snapshot(machine) == before
    again = command("discover", "--undo")
    assert again.code == 2
    assert "there is nothing to undo" in again.err


def test_a_second_apply_finds_nothing_more_and_what_is_ours_is_left(machine: Path, command: Command):
    command("discover", "--dir", machine / "company", "--apply")
    before = snapshot(machine)
    said = command("discover", "--dir", machine / "company", "--apply")
    assert said.code == 0
    assert snapshot(machine) == before


def test_a_file_changed_since_is_left_as_it_is_and_its_copy_is_named(machine: Path, command: Command):
    command("discover", "--dir", machine / "company", "--apply")
    claude = machine / "home/.claude.json"
    claude.write_text("{}", "utf-8")
    said = command("discover", "--undo")
    assert said.code == 0
    assert claude.read_text("utf-8") == "{}"
    assert "was changed since and is left as it is; what it was is in" in said.out
    copy = Path(said.out.partition("what it was is in ")[2].split("\n")[0])
    assert json.loads(copy.read_text("utf-8")) == CLAUDE
    assert json.loads((machine / "home/.cursor/mcp.json").read_text("utf-8")) == CURSOR


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ({"command": "x", "args": ["--api-key", GITHUB]}, "looks like a secret"),
        ({"command": "x", "args": [f"--token={GITHUB}"]}, "looks like a secret"),
        ({"command": "x", "args": [GITHUB]}, "looks like a secret"),
        ({"command": "psql-mcp", "args": ["postgres://u:pw@db/x"]}, "looks like a secret"),
        ({"command": "x", "args": ["${input:key}"]}, "holds a variable"),
        ({"command": "x", "envFile": ".env"}, "from a file"),
        ({"url": f"https://a.example/mcp?api_key={GITHUB}"}, "its URL holds a variable or a secret"),
        ({"url": f"https://a.example/{GITHUB}/mcp"}, "path looks like a secret"),
        ({"url": "ftp://a.example"}, "its URL is none"),
        ({}, "neither a command nor a URL"),
        ("x", "it is no table"),
    ],
)
def test_what_can_not_be_taken_over_without_its_secret_is_left_alone(machine, command: Command, server, why):
    file = machine / "project/.mcp.json"
    file.write_text(json.dumps({"mcpServers": {"one": server}}), "utf-8")
    before = file.read_bytes()
    said = command("discover", "--dir", machine / "company", "--apply")
    assert said.code == 0
    assert why in said.out
    assert GITHUB not in said.out
    assert file.read_bytes() == before
    assert GITHUB not in (machine / "company/servers/discovered.yaml").read_text("utf-8")


def test_a_name_that_the_workspace_has_already_is_another_server(machine: Path, command: Command):
    servers = machine / "company/servers"
    servers.mkdir()
    (servers / "ours.yaml").write_text("kind: ToolServer\nname: github\nurl: https://github.example.com/mcp\n")
    said = command("discover", "--dir", machine / "company", "--apply", "-o", "json")
    assert "github-2" in {one["name"] for one in said.json["drafts"]}
    assert command("validate", machine / "company").code == 0
