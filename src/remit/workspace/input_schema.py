"""Whether a tool's input is a JSON Schema of which all is enforced: what a validator ignores is a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import jsonschema_rs

from remit.workspace.draft import Draft, below
from remit.workspace.report import Report, Source, meant

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SCHEMAS_BY_NAME = ("properties", "patternProperties", "$defs", "dependentSchemas")
_SCHEMAS_IN_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_SCHEMAS = (
    "items",
    "contains",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
)
_OTHERS = (
    *(
        "$schema",
        "$id",
        "$ref",
        "$anchor",
        "$dynamicRef",
        "$dynamicAnchor",
        "$comment",
        "type",
        "enum",
        "const",
    ),
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"),
    *("multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength"),
    *("pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains", "maxProperties"),
    *("minProperties", "required", "dependentRequired"),
)
_NEVER_ENFORCED = ("contentEncoding", "contentMediaType", "contentSchema")
"""Keywords that only describe: JSON Schema 2020-12, validation, section 8.2, forbids to validate by them."""
KEYWORDS = frozenset((*_SCHEMAS_BY_NAME, *_SCHEMAS_IN_LIST, *_SCHEMAS, *_OTHERS))
"""Keywords of JSON Schema 2020-12 that are enforced, or promise nothing. Of others only those in `x-` are taken."""


def check_input_schemas(draft: Draft) -> frozenset[str]:
    """Report what is no schema, or says something that would not be enforced. Return the names of those tools."""
    broken = set()
    for written in draft.tools:
        before = len(draft.report.problems)
        schema = written.value.input_schema
        _check_root(schema, written.source, draft.report)
        for part, path in _parts(schema, "input"):
            _check_part(part, path, written.source, draft.report)
        if len(draft.report.problems) == before:
            _check_compiles(schema, written.source, draft.report)
        if len(draft.report.problems) > before:
            broken.add(str(written.value.name))
    return frozenset(broken)


def _check_root(schema: Mapping[str, object], source: Source, report: Report) -> None:
    if schema.get("type") != "object":
        message = "the arguments of a tool are an object, and the schema does not say so"
        report.add(source, "input.type" if "type" in schema else "input", message, "Write `type: object`")
    if schema.get("$schema", DIALECT) != DIALECT:
        message = f"the dialect `{schema['$schema']}` is not the one that is enforced"
        report.add(source, below("input", "$schema"), message, "Write it in JSON Schema 2020-12 and remove the line")


def _parts(schema: object, path: str) -> Iterator[tuple[Mapping[str, object], str]]:
    """Yield every schema in a schema with its path. Depth is bounded by that of a document."""
    if not isinstance(schema, Mapping):
        return
    yield schema, path
    for key in _SCHEMAS:
        yield from _parts(schema.get(key), below(path, key))
    for key in _SCHEMAS_IN_LIST:
        found = schema.get(key)
        for index, part in enumerate(found if isinstance(found, list) else []):
            yield from _parts(part, f"{below(path, key)}[{index}]")
    for key in _SCHEMAS_BY_NAME:
        named = schema.get(key)
        for name, part in named.items() if isinstance(named, Mapping) else ():
            yield from _parts(part, below(path, key, name))


def _check_part(part: Mapping[str, object], path: str, source: Source, report: Report) -> None:
    for key in part:
        if key in _NEVER_ENFORCED:
            message = f"`{key}` describes a text and is not enforced by any validator"
            report.add(source, below(path, key), message, f"Remove it or call it `x-{key}`; restrict it by `pattern`")
        elif key not in KEYWORDS and not key.startswith("x-"):
            message = f"`{key}` is no keyword of JSON Schema 2020-12 and would be ignored"
            report.add(source, below(path, key), message, meant(key, KEYWORDS, f"Remove it, or call it `x-{key}`"))
    for key in ("$ref", "$dynamicRef"):
        target = part.get(key)
        if isinstance(target, str) and not target.startswith("#"):
            message = f"`{target}` is outside this schema; nothing is fetched"
            report.add(source, below(path, key), message, "Put the schema under `$defs` and refer to `#/$defs/NAME`")
    properties, required = part.get("properties"), part.get("required")
    closed = "additionalProperties" not in part and "patternProperties" not in part and "$ref" not in part
    if isinstance(required, list) and isinstance(properties, Mapping) and closed:
        for index, name in enumerate(required):
            if name not in properties and not any(key in part for key in _SCHEMAS_IN_LIST):
                message = f"`{name}` is required but not described, so every call would be refused"
                remedy = meant(str(name), properties, "Describe it under `properties`")
                report.add(source, f"{below(path, 'required')}[{index}]", message, remedy)


def _check_compiles(schema: Mapping[str, object], source: Source, report: Report) -> None:
    """Report what the validator itself refuses. References are known to be local: it would fetch others."""
    errors = list(jsonschema_rs.Draft202012Validator({"$ref": DIALECT}).iter_errors(dict(schema)))
    for error in errors:
        _add_refusal(error, source, report)
    if errors:
        return
    try:
        jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, ignore_unknown_formats=False)
    except jsonschema_rs.ValidationError as error:
        _add_refusal(error, source, report)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        remedy = "Correct it by the JSON Schema 2020-12 specification"
        report.add(source, "input", f"not a JSON Schema: {str(error).splitlines()[0]}", remedy)


def _add_refusal(error: jsonschema_rs.ValidationError, source: Source, report: Report) -> None:
    path = "input"
    for step in error.instance_path:
        path = f"{path}[{step}]" if isinstance(step, int) else below(path, str(step))
    said = error.message.splitlines()[0][:200].rstrip(".")
    last = error.instance_path[-1] if error.instance_path else None
    remedies = {
        "type": "Write `string`, `integer`, `number`, `boolean`, `array`, `object` or `null`",
        "pattern": "Write a regular expression of ECMA 262, in single quotes",
        "format": "Write a format of JSON Schema 2020-12, such as `date` or `email`",
    }
    remedy = remedies.get(str(last), "Correct it by the JSON Schema 2020-12 specification")
    report.add(source, path, f"not a JSON Schema: {said}", remedy)
