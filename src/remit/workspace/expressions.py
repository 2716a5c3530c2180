"""Expressions of workflows: the Common Expression Language (github.com/google/cel-spec), by Google's own library.

What a name stands for is declared from JSON Schemas: every property is a variable with its path for a name, as
`steps.quote.price`, so that a name nobody has is found when a workspace is checked, not at night. Whole objects and
lists are named by themselves: an expression that is nothing but a path gives what stands there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # and loaded with the first expression: most workspaces have none
    from cel_expr_python import cel

Schema = Mapping[str, Any]
"""JSON Schema, as far as it says types; an empty one says nothing."""

MAX_TEXT = 2_000
"""Longest expression, in characters."""
MAX_DEPTH = 6
"""How deep the properties of an input or output become variables; what is deeper is of no known type."""
MAX_ITEMS = 100_000
"""Most values that an expression may come to, all counted."""

MOST_ROUNDS = 9_999
"""Most items that `filter`, `map`, `all` and `exists` of one expression look at, all counted: the library's bound."""
_OVER_BUDGET = "Iteration budget exceeded"

_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_WHERE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_LEAVES = {"string": "STRING", "integer": "INT", "number": "DOUBLE", "boolean": "BOOL"}
_WORDS = {"STRING": "string", "INT": "integer", "DOUBLE": "number", "BOOL": "boolean"}


class Unfit(Exception):
    """An expression that can not be read, or does not fit what it names. `column` counts from 1; 0: all of it."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


class Failed(Exception):
    """An expression that came to nothing: a value that is missing, a division by zero. Says which, not what it held."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression that was checked. `schema` is what it comes to, empty where that is not known."""

    text: str
    schema: Schema
    path: tuple[str, ...] = ()
    """Where it is nothing but a path."""
    program: cel.Expression | None = None
    names: frozenset[str] = frozenset()
    """Variables that its text may name."""


class Names:
    """What an expression may name: each a JSON Schema. Compiles and evaluates expressions; safe to share."""

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        from cel_expr_python import cel

        self._schemas = schemas
        self._types = dict(_declared(schemas))
        self._environment = cel.NewEnv(variables=self._types)
        self._optional = {name for name, type_ in self._types.items() if type_.name() == "DYN"}

    def compile(self, text: str) -> Compiled:
        """Check an expression. Raises Unfit."""
        stripped = text.strip()
        if not stripped or len(stripped) > MAX_TEXT:
            raise Unfit("is empty" if not stripped else f"is longer than {MAX_TEXT:,} characters")
        if _PATH.fullmatch(stripped) and stripped not in ("true", "false", "null"):
            path = tuple(stripped.split("."))
            return Compiled(stripped, self._at(path), path)
        try:
            program = self._environment.compile(stripped)
        except (RuntimeError, ValueError) as error:
            raise _unfit(str(error)) from None
        named = frozenset(name for name in _PATH.findall(stripped) for name in self._prefixes(name))
        return Compiled(stripped, _schema_of(program.return_type().name()), (), program, named)

    def evaluate(self, compiled: Compiled, values: Mapping[str, Any]) -> Any:
        """Return what an expression comes to: plain JSON. Raises Failed."""
        if compiled.program is None:
            found = _found(values, compiled.path)
            return _plain(found, compiled.text, [0]) if isinstance(found, dt.datetime) else found
        data = {name: value for name in compiled.names if (value := self._value(name, values)) is not _MISSING}
        try:
            result = compiled.program.eval(data=data)
        except (RuntimeError, ValueError, TypeError) as error:
            raise Failed(f"`{compiled.text}`: {_told(str(error))}") from None
        if result.type().name() in ("ERROR", "UNKNOWN"):
            raise Failed(f"`{compiled.text}`: {_told(str(result.plain_value()))}")
        counted = [0]
        return _plain(result.plain_value(), compiled.text, counted)

    def _prefixes(self, name: str) -> Iterator[str]:
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            known = ".".join(parts[:count])
            if known in self._types:
                yield known
                return

    def _value(self, name: str, values: Mapping[str, Any]) -> Any:
        found: Any = values
        for part in name.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return None if name in self._optional else _MISSING
            found = found[part]
        return found

    def _at(self, path: tuple[str, ...]) -> Schema:
        """Return the schema of a path. Raises Unfit for one that leads nowhere."""
        schema: Schema = {"properties": self._schemas, "additionalProperties": False}
        for index, part in enumerate(path):
            properties = schema.get("properties")
            if isinstance(properties, Mapping) and part in properties:
                schema = properties[part]
            elif isinstance(properties, Mapping) and schema.get("additionalProperties", True) is False:
                known = ", ".join(sorted(properties)) or "nothing"
                place = ".".join(path[:index]) or "here"
                raise Unfit(f"there is no `{part}` in {place}; there is {known}", 1 + len(".".join(path[:index])))
            else:
                return {}
        return schema


def constant(text: str) -> Any:
    """Return what an expression comes to that names nothing, as `1 == 2`. Raises Unfit for any other, and Failed."""
    names = Names({})
    return names.evaluate(names.compile(text), {})


class _Missing:
    pass


_MISSING = _Missing()


def closed(schema: Schema) -> Schema:
    """Return an object's schema with nothing in it but what it lists, at every depth, as names are judged by."""
    if "properties" not in schema:
        return schema
    properties = {name: closed(part) for name, part in schema["properties"].items() if isinstance(part, Mapping)}
    return {**schema, "properties": properties, "additionalProperties": False}


def _declared(schemas: Mapping[str, Schema]) -> Iterator[tuple[str, cel.Type]]:
    for name, schema in schemas.items():
        yield from _variables(name, schema, 0, required=True)


def _variables(name: str, schema: Schema, depth: int, *, required: bool) -> Iterator[tuple[str, cel.Type]]:
    """Yield the variables of a value: an object's properties, or itself."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and properties and depth < MAX_DEPTH:
        for key, part in properties.items():
            if isinstance(part, Mapping) and _PATH.fullmatch(key):
                needed = required and key in schema.get("required", properties if depth == 0 else ())
                yield from _variables(f"{name}.{key}", part, depth + 1, required=needed)
        return
    # What may be missing is of no type that is known: it is null then.
    yield name, _type_of(schema if required else {})


def _type_of(schema: Schema) -> cel.Type:
    from cel_expr_python import cel

    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items")
        return cel.Type.List(_type_of(items) if isinstance(items, Mapping) else cel.Type.DYN)
    if kind == "object":
        return cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    if kind == "string" and schema.get("format") == "cel-timestamp":
        return cel.Type.TIMESTAMP
    return getattr(cel.Type, _LEAVES.get(kind, "DYN") if isinstance(kind, str) else "DYN")


def _schema_of(type_name: str) -> Schema:
    """Return the schema of what a CEL type is called, as `LIST<INT>`."""
    if type_name in _WORDS:
        return {"type": _WORDS[type_name]}
    if type_name.startswith("LIST<"):
        inner = _schema_of(type_name[5:-1])
        return {"type": "array", **({"items": inner} if inner else {})}
    return {"type": "object"} if type_name.startswith("MAP<") else {}


def _unfit(message: str) -> Unfit:
    found = _WHERE.search(message)
    if found is None:
        return Unfit(_first_line(message))
    said = re.sub(r" \(in container ''\)", "", found[3]).replace(" [INVALID_ARGUMENT]", "")
    return Unfit(said, int(found[2]) + 1 if found[1] == "1" else 0)


def _told(message: str) -> str:
    if _OVER_BUDGET in message:
        return f"looks at more than {MOST_ROUNDS:,} items, those of each round counted"
    return _first_line(message)


def _first_line(message: str) -> str:
    line = message.strip().splitlines()[0] if message.strip() else "it failed"
    return re.sub(r"^(?:INVALID_ARGUMENT|UNKNOWN|NOT_FOUND|OUT_OF_RANGE): ", "", line)[:200]


def _found(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    found: Any = values
    for index, part in enumerate(path):
        if not isinstance(found, Mapping) or part not in found:
            raise Failed(f"there is no {'.'.join(path[: index + 1])}")
        found = found[part]
    return found


def _plain(value: Any, text: str, counted: list[int]) -> Any:
    """Return a value as JSON has it; times as RFC 3339, lengths of time as seconds."""
    counted[0] += 1
    if counted[0] > MAX_ITEMS:
        raise Failed(f"`{text}`: comes to more than {MAX_ITEMS:,} values")
    if isinstance(value, Mapping):
        return {str(key): _plain(each, text, counted) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, text, counted) for each in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.timedelta):
        return int(value.total_seconds())
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Failed(f"`{text}`: comes to no JSON")
