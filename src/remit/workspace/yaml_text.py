"""Documents as YAML text: what tools write into a workspace, as a person might have written it."""

from __future__ import annotations

import io
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString


def written(document: Mapping[str, object]) -> str:
    """Return one YAML document, as `remit validate` takes it: texts in quotes where they could be something else."""
    yaml = YAML(typ="rt")
    yaml.width = 1_000_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(_laid_out(document), out)
    return out.getvalue()


def _laid_out(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _laid_out(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_laid_out(each) for each in value]
    return LiteralScalarString(value) if isinstance(value, str) and _is_block(value) else value


def _is_block(text: str) -> bool:
    return "\n" in text and not text.startswith((" ", "\n")) and not set(text) & {"\t", "\r"}
