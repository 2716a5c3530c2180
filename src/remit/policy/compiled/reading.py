"""Cedar's JSON form of values and entities, read and written (Cedar reference, "JSON format for entities")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from remit.policy.compiled import extensions
from remit.policy.compiled.operators import Known
from remit.policy.compiled.values import Ref, SetValue, Value

_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "decimal": extensions.decimal,
    "datetime": extensions.datetime,
    "duration": extensions.duration,
    "ip": extensions.ip,
    "offset": extensions.offset,
}


def value_of(json: object) -> Value:
    """Return the value that a piece of JSON is.

    Raises:
        TypeError: Cedar has no such value, such as null or a number with a fraction.
        EvaluationError: an extension function refuses its argument.
    """
    if isinstance(json, bool | int | str):
        return json
    if isinstance(json, list | tuple):
        return SetValue([value_of(part) for part in json])
    if not isinstance(json, Mapping):
        raise TypeError(f"Cedar has no value like a {type(json).__name__}")
    if "__entity" in json:
        return reference(json)
    if "__extn" in json:
        call = json["__extn"]
        arguments = call["args"] if "args" in call else [call["arg"]]
        return _FUNCTIONS[call["fn"]](*(value_of(argument) for argument in arguments))
    return {name: value_of(part) for name, part in json.items()}


def reference(json: Mapping[str, object]) -> Ref:
    """Return the entity that `{"type": ..., "id": ...}` names, wrapped in `__entity` or not."""
    named = json.get("__entity", json)
    assert isinstance(named, Mapping)
    return Ref(str(named["type"]), str(named["id"]))


def entities_of(listed: Iterable[Mapping[str, object]], above: Callable[[Ref], frozenset[Ref]]) -> dict[Ref, Known]:
    """Return entities of Cedar's JSON format; `above` knows everything that one is in."""
    found = {}
    for json in listed:
        named = json["uid"]
        assert isinstance(named, Mapping)
        attributes, tags = value_of(json.get("attrs", {})), value_of(json.get("tags", {}))
        assert isinstance(attributes, dict)
        assert isinstance(tags, dict)
        one = reference(named)
        found[one] = Known(attributes, above(one), tags)
    return found


def written(value: object) -> object:
    """Write what orjson does not know by itself; its `default`. Extension values are no input, so they have no form."""
    if isinstance(value, SetValue):
        return list(value.items)
    if isinstance(value, Ref):
        return {"__entity": {"type": value.type, "id": value.id}}
    raise TypeError(f"{type(value).__name__} has no JSON form")
