"""What a model call's arguments are with its prompt: all of it where it fits, else its digest."""

import hashlib

import orjson
import pytest

from remit.domain.arguments import BadArguments, PayloadLimits
from remit.domain.canonical import canonical
from remit.domain.prompt import PROMPT, PROMPT_SHA256, written

ASKED = {"model": "tiny", "input_tokens": 3}
LIMITS = PayloadLimits(bytes=200, depth=4)


def test_a_prompt_that_fits_stands_with_the_arguments() -> None:
    told = {PROMPT: {"messages": ["hello"]}}
    assert written(ASKED, told, LIMITS) == canonical({**ASKED, **told})


@pytest.mark.parametrize("prompt", [{"messages": "x" * 200}, {"messages": [[[["deep"]]]]}, {"limit": 2**63}])
def test_in_place_of_one_beyond_the_limits_stands_its_digest(prompt: dict[str, object]) -> None:
    digest = hashlib.sha256(canonical(prompt)).hexdigest()
    assert orjson.loads(written(ASKED, {PROMPT: prompt}, LIMITS)) == {**ASKED, PROMPT_SHA256: digest}


def test_arguments_that_can_be_none_are_refused_with_and_without_a_prompt() -> None:
    odd = {**ASKED, "model": "x" * 300}
    for told in ({}, {PROMPT: {"messages": ["hello"]}}):
        with pytest.raises(BadArguments, match="more than the 200 allowed"):
            written(odd, told, LIMITS)
