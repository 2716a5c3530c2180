"""What a client asks for: one request, read and checked, with its bytes kept as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from remit.domain.arguments import BadArguments, PayloadLimits, parse_object
from remit.domain.upstream import DataClass
from remit.gateways.llm.splice import spliced
from remit.gateways.llm.turned import Turned, Why, invalid


@dataclass(frozen=True, slots=True)
class Body:
    """A request's JSON object, and its bytes.

    Attributes:
        is_compact: the bytes are what the value is written as without white space: it can be written anew.
    """

    value: Mapping[str, Any]
    raw: bytes
    is_compact: bool

    def changed(self, changes: Mapping[str, Any], without: tuple[str, ...] = ()) -> bytes:
        """Return the bytes with some members changed, added or left out, all else as it came."""
        if not changes and not any(name in self.value for name in without):
            return self.raw
        if self.is_compact or any(name in self.value for name in without):
            return orjson.dumps({key: each for key, each in {**self.value, **changes}.items() if key not in without})
        return spliced(self.raw, changes)


def body_from(raw: bytes, limits: PayloadLimits) -> Body:
    """Read a body. Raises Turned for what is no JSON object, has a key twice, or is too deep or too much.

    What is written without white space, as the official clients do, and comes out the same byte for byte has no key
    twice. Everything else is read by the strict parser, at ten times the cost.
    """
    try:
        value = orjson.loads(raw)
        if type(value) is dict and _written(value) == raw:
            return Body(value, raw, is_compact=True)
        strict = parse_object(raw, limits)
    except orjson.JSONDecodeError as error:
        if len(raw) > limits.bytes:
            raise Turned(Why.TOO_LARGE, "body.too_large", f"the body has more than {limits.bytes:,} bytes") from None
        raise invalid("body.not_json", f"the body is no JSON ({error}): check it with a JSON parser") from None
    except BadArguments as error:
        raise invalid(f"body.{error.code}", f"{error.message}: {error.remedy}", error.path) from None
    return Body(strict, raw, is_compact=False)


def _written(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # it is nested too deep; the strict parser says so
        return b""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a model, as its client asks for it.

    Attributes:
        model: as the client names it.
        is_stream: the answer comes in pieces.
        wants_usage: the client has asked for the chunk that tells of usage.
        most_output: tokens the client allows for one answer; None where it does not say.
        answers: how many answers are asked for at once.
        thinks: it may write tokens that nobody is shown.
        has_unknown: fields that this gateway does not know, whose bearing on the size nobody can tell.
        opening: the conversation's first words, by which it is known again.
        veils: what its answers may show where they are masked; None where they are not.
    """

    body: Body
    model: str
    is_stream: bool = False
    wants_usage: bool = False
    most_output: int | None = None
    answers: int = 1
    thinks: bool = False
    has_unknown: bool = False
    opening: bytes = b""
    task: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)
    veils: frozenset[DataClass] | None = None

    def on(self, body: Body, told: Mapping[str, Any], veils: frozenset[DataClass] | None) -> Asked:
        """Return the same call with another body, of which something else is told, and how its answers are masked."""
        return replace(self, body=body, told=told, veils=veils)


NEUTRAL = frozenset(
    "add_generation_prompt add_special_tokens allowed_token_ids bad_words cache_prompt chat_template"
    " chat_template_kwargs continue_final_message dry_allowed_length dry_base dry_multiplier dry_penalty_last_n"
    " dry_sequence_breakers dynatemp_exponent dynatemp_range early_stopping ebnf echo enable_thinking grammar"
    " guided_choice guided_decoding_backend guided_grammar guided_json guided_regex ignore_eos include_reasoning"
    " include_stop_str_in_output json_schema keep_alive length_penalty logit_bias min_keep min_tokens mirostat"
    " mirostat_eta mirostat_tau num_ctx prompt_logprobs random_seed reasoning reasoning_format regex repeat_last_n"
    " repeat_penalty return_token_ids return_tokens_as_token_ids safe_prompt samplers separate_reasoning"
    " skip_special_tokens spaces_between_special_tokens stop_token_ids structured_outputs tfs_z think thinking"
    " thinking_budget top_a truncate_prompt_tokens typical_p xtc_probability xtc_threshold".split()
)
"""Fields of vLLM, SGLang, llama.cpp, Ollama and their like, that change how an answer is made: neither by which model,
nor by which tools, nor at which price. How long they make a prompt nobody can tell."""
MOST_ANSWERS = 128
LONGEST_MODEL = 256
LONGEST_FIELD = 80


class Fields:
    """Reads members of a request, and refuses what is no value for them. Nulls count as left out."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self._value = value

    def text(self, name: str, longest: int) -> str:
        """Return a text that must be there."""
        found = self._value.get(name)
        if type(found) is not str or not found or len(found) > longest or not found.isprintable():
            raise invalid(f"field.{name}", f"{name} must be a text of at most {longest} characters", name)
        return found

    def flag(self, name: str) -> bool:
        """Return yes or no; no where it is left out."""
        found = self._value.get(name)
        if found is not None and type(found) is not bool:
            raise invalid(f"field.{name}", f"{name} must be true or false", name)
        return bool(found)

    def number(self, name: str, most: int) -> int | None:
        """Return a whole number from 1 on, or None where it is left out."""
        found = self._value.get(name)
        if found is None:
            return None
        if type(found) is not int or not 1 <= found <= most:
            raise invalid(f"field.{name}", f"{name} must be a whole number from 1 to {most:,}", name)
        return found

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object; an empty one where it is left out."""
        found = self._value.get(name)
        if found is None:
            return {}
        if type(found) is not dict:
            raise invalid(f"field.{name}", f"{name} must be an object", name)
        return found

    def objects(self, name: str, *, required: bool = False) -> list[Mapping[str, Any]]:
        """Return a list of objects."""
        found = self._value.get(name)
        if found is None and not required:
            return []
        if type(found) is not list or (not found and required) or not all(type(each) is dict for each in found):
            raise invalid(f"field.{name}", f"{name} must be a list of objects", name)
        return found

    def has_unbounded(self, known: frozenset[str]) -> bool:
        """Tell whether there are fields whose bearing on the size of a call nobody can tell; refuse what nobody knows.

        Endpoints have fields that name other models to fall back on, tools that they carry out, or more answers; and
        some read a name in capitals as well. What is not known here may be one of those.
        """
        others = self._value.keys() - known
        odd = sorted(others - NEUTRAL)
        if odd:
            name = odd[0][:LONGEST_FIELD]
            text = f"{name} is no field that is known here: what it makes an endpoint do can not be told; leave it out"
            raise invalid("field.unknown", text, name)
        return bool(others)

    def only(self, name: str, allowed: tuple[object, ...], why: str) -> None:
        """Refuse a member that has another value than those allowed; left out is allowed."""
        found = self._value.get(name)
        if found is not None and found not in allowed:
            raise invalid(f"field.{name}", f"{name} {why}", name)
