"""Prompts as files: read, told apart from prose, and kept byte for byte."""

from __future__ import annotations

from pathlib import Path

from remit.domain.ids import PromptName
from remit.domain.prompt_template import Prompt, Speaker, VariableType
from remit.workspace.change import ChangeKind
from remit.workspace.difference import changes
from remit.workspace.files import read_folder
from remit.workspace.reading import read

GOOD = Path(__file__).parent / "good"
SMALL = "---\nkind: Prompt\nname: small\n---\n## User\nHi.\n"


def prompt(text: str | bytes, path: str = "prompts/x.md") -> Prompt:
    reading = read({path: text if isinstance(text, bytes) else text.encode()}, "x")
    assert reading.configuration is not None, reading.problems
    (found,) = reading.configuration.prompts.values()
    return found


def mistakes(text: str) -> list[str]:
    return [str(problem) for problem in read({"prompts/x.md": text.encode()}, "x").problems]


def test_a_prompt_is_read_whole() -> None:
    found = prompt((GOOD / "prompts/order-status.md").read_bytes())
    assert found.name == PromptName("order-status")
    assert [message.speaker for message in found.messages] == [
        Speaker.SYSTEM,
        Speaker.USER,
        Speaker.ASSISTANT,
        Speaker.USER,
    ]
    assert found.messages[0].text.startswith("You answer customers of Sahil Logistics. Be {{tone}}.\n\n### Rules\n\n- ")
    assert found.messages[1].text.endswith("```markdown\n## System\nThis is an example in the text, no message.\n```")
    assert (found.variables["order"].required, found.variables["tone"].required) == (True, False)
    assert found.variables["parcels"].type is VariableType.INTEGER
    assert found.variables["urgent"].default is False
    assert (found.model, found.max_output_tokens) == ("local/dispatch-7b", 400)


def test_line_ends_and_blank_lines_at_the_ends_say_nothing() -> None:
    plain = prompt(SMALL)
    assert prompt(SMALL.replace("\n", "\r\n")).version == plain.version
    assert prompt(SMALL.replace("Hi.", "\n\nHi.\n\n")).version == plain.version
    assert prompt("\ufeff" + SMALL).version == plain.version
    assert prompt(SMALL.replace("Hi.", "Hi!")).version != plain.version


def test_joiners_and_direction_marks_are_kept() -> None:
    said = "می\u200cخواهم \u200fمرحبا👩\u200d💻"
    assert prompt(SMALL.replace("Hi.", said)).messages[0].text == said


def test_prose_elsewhere_is_not_read_and_hidden_files_are_not() -> None:
    files = {
        "README.md": b"# Shop",
        "docs/prompts/x.md": b"no",
        "prompts/.draft.md": b"no",
        "prompts/x.md": SMALL.encode(),
    }
    assert read(files, "x").problems == ()


def test_a_prompt_in_a_folder_that_is_nearly_right_is_no_prose() -> None:
    for path in ("Prompts/x.md", "prompt/x.md", "prompts/x.MD", "prompts/a/x.md"):
        (problem,) = read({path: SMALL.encode(), "people.yaml": b"kind: Person\nid: user:a\n"}, "x").problems
        assert (problem.file, problem.message) == (path, "nothing is read from here, so the file would be skipped")


def test_a_name_that_could_not_be_read_is_one_mistake() -> None:
    assert mistakes("---\nkind: Prompt\n---\n## User\nHi.\n") == [
        "prompts/x.md:2:1: error: name: a Prompt needs `name`. Add it: what agents ask for it by."
    ]


def test_many_messages_are_too_many() -> None:
    assert mistakes(SMALL + "## User\nHi.\n" * 100) == [
        "prompts/x.md:205:1: error: has 101 messages, more than 100. Shorten the conversation."
    ]


def test_unclosed_braces_and_odd_names_are_no_placeholders() -> None:
    for said in ("{{", "{{a", "{{ }}", "{{a.b}}", "{{{{a}}", "{{a}", "{{ a b }}"):
        assert any("is no placeholder" in each or "no variable" in each for each in mistakes(SMALL.replace("Hi", said)))
    assert prompt(SMALL.replace("Hi", r"\{{ and \{{a}} and }} and { {")).messages[0].text.startswith(r"\{{")


def test_a_reviewer_reads_what_changes() -> None:
    def configured(text: str):
        found = read({"prompts/x.md": text.encode()}, "x").configuration
        assert found is not None
        return found

    before = configured(SMALL)
    after = configured(
        SMALL.replace("name: small", "name: small\nvariables: {who: string}").replace("Hi.", "Hi {{who}}.")
    )
    version = after.prompts[PromptName("small")].version[:19]
    assert [change.words() for change in changes(before, after)] == [
        f"prompt small now says:\n  @@ -1,2 +1,2 @@\n   ## user\n  -Hi.\n  +Hi {{{{who}}}}.\n  as version {version}",
        "prompt small takes who (string of at most 20,000 characters, required)",
    ]
    (gone,) = changes(before, configured("---\nkind: Prompt\nname: other\n---\n## User\nHi.\n"))[-1:]
    assert (gone.kind, gone.words()) == (ChangeKind.REMOVED, "prompt small is removed")


def test_a_folder_is_kept_with_its_prompts_byte_for_byte() -> None:
    folder = read_folder(GOOD)
    assert folder.files["prompts/order-status.md"] == (GOOD / "prompts/order-status.md").read_bytes()
