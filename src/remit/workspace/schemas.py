"""JSON Schemas of the kinds of document, so that an editor completes and checks the YAML.

They come from the very tables that read it. What only a whole folder shows, such as a name that leads nowhere, they can
not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from remit.workspace.input_schema import DIALECT
from remit.workspace.kind import KINDS
from remit.workspace.kinds.step import STEP
from remit.workspace.kinds.workflow import WORKFLOW
from remit.workspace.placement import kinds_at, places


def schema_of(kind: str) -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a document of this kind. Raises KeyError for no kind of document."""
    known = KINDS[kind]
    made = {"$schema": DIALECT, "title": f"Remit {kind} ({known.place})", **known.record.schema()}
    # Steps stand within steps: their schema refers to itself.
    return made | ({"$defs": {"step": STEP.schema()}} if known.record.fields[1:] == WORKFLOW.fields else {})


def schemas() -> Mapping[str, dict[str, object]]:
    """Return a schema for every file name that `remit schema` writes.

    One a kind, and one a file that may hold several kinds, where editors judge by the file.
    """
    made = {f"{kind.casefold()}.json": schema_of(kind) for kind in KINDS}
    for place in places():
        kinds = kinds_at(place)
        if len(kinds) > 1:
            stem = place.rpartition("/")[2].partition(".")[0]
            made[f"{stem}.json"] = _any_of(stem, kinds)
    return made


def _any_of(title: str, kinds: Iterable[str]) -> dict[str, object]:
    """Choose by `kind`, so that an editor reports the mistakes of that one kind instead of those of all."""
    rules = [{"if": {"properties": {"kind": {"const": kind}}}, "then": KINDS[kind].record.schema()} for kind in kinds]
    return {
        "$schema": DIALECT,
        "title": f"Remit {title}.yaml",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds)}},
        "allOf": rules,
    }
