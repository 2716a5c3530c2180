"""What agents say of a call: the prompt, what a model used, what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from remit.api.form import Form
from remit.asgi.answers import Refusal
from remit.domain.canonical import canonical
from remit.domain.prompt import PROMPT, PROMPT_SHA256, PROMPT_UNREAD
from remit.execution import metering
from remit.execution.served import Result


def prompt_of(form: Form) -> Mapping[str, Any]:
    """Return what is said of a prompt: the prompt, its digest or a number in its place, or nothing."""
    told = {
        PROMPT: form.anything(PROMPT),
        PROMPT_SHA256: form.text(PROMPT_SHA256, 64, default=""),
        PROMPT_UNREAD: form.text(PROMPT_UNREAD, 64, default=""),
    }
    said = {name: value for name, value in told.items() if value not in (None, "")}
    if len(said) > 1:
        raise Refusal(422, "field_unfit", "a prompt is told in two ways", "Send one of them", field=PROMPT)
    return said


def usage_of(usage: Mapping[str, Any] | None) -> metering.Usage | None:
    """Return what a model call used; None where nothing is said."""
    if usage is None:
        return None
    form = Form(dict(usage))
    tokens = [form.number(name, metering.MAX_TOKENS) for name in ("input_tokens", "output_tokens")]
    parts = [form.number(name, metering.MAX_TOKENS, default=0) for name in metering.PARTS]
    form.done()
    try:
        return metering.Usage(*tokens, *parts)
    except metering.NoUsage as error:
        raise Refusal(422, "field_unfit", str(error), "Send the parts of the tokens used", field="usage") from None


_RESULTS = ("result", "result_text", "result_sha256")


def result_of(form: Form) -> Result:
    """Return what came of a call, or the digest that stands for it."""
    given = [name for name in _RESULTS if form.has(name)]
    if len(given) > 1:
        raise Refusal(422, "field_unfit", "more than one form of the result", "Send one of them", field=given[1])
    value = form.value("result")
    text, digest = form.raw_text("result_text"), form.text("result_sha256", 64, default="")
    if digest and not re.fullmatch("[0-9a-f]{64}", digest):
        raise Refusal(
            422, "field_unfit", "result_sha256 is no SHA-256", "Send 64 hexadecimal digits", field="result_sha256"
        )
    if "result" in given:
        return Result(canonical(value))
    return Result(sha256=bytes.fromhex(digest)) if text is None else Result(text.encode())
