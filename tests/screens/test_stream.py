"""However a text is cut into chunks, what comes out is what masking the whole gives, and little is held back."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from remit.domain.upstream import DataClass
from remit.screens import Placeholders, StreamMask, mask
from remit.screens.stretches import SMALLEST_WINDOW
from tests.screens.test_finding import IDENTIFIERS, LEFT_ALONE, SECRETS, drawn

NONE: frozenset[DataClass] = frozenset()

KEY = "\n".join(
    (
        "-----BEGIN RSA PRIVATE KEY-----",
        *(drawn(str(n), 64) for n in range(12)),
        "ab==",
        "-----END RSA PRIVATE KEY-----",
    )
)
BROKEN = [KEY[:n] for n in (5, 20, 31, 40, 100, 500, len(KEY) - 3)]
PARTS = [
    *(text for text, _, _ in IDENTIFIERS),
    *(around.format(secret) for secret, around in SECRETS),
    *LEFT_ALONE,
    *(KEY, KEY.replace("\n", "\\n"), *BROKEN),
    *(
        "+",
        "+9",
        "71",
        "05",
        "(0)",
        "-",
        " - ",
        "12 34 56 78 " * 30,
        "1 " * 120,
        "AE07",
        "AB12 cd",
        "0331 2345",
        "6789",
    ),
    *(
        drawn("long", 700),
        "eyJ" + drawn("x", 400) + "." + drawn("y", 900) + "." + drawn("z", 43),
        "sk-" + drawn("w", 399),
    ),
    *("password: ", "token=", "Bearer ", "@", "example.com", "user", "://u:", "-----", "-----BEGIN ", "END"),
    *(
        " ",
        "\n",
        "  ",
        "\t",
        ", ",
        ". ",
        '"',
        "\u200f",
        "\u202a",
        "\u200b",
        "مرحبا",
        "جوال ",
        "\\n",
        "\\",
        "{",
        "x" * 40,
    ),
]
TEXTS = st.lists(st.sampled_from(PARTS) | st.text("a1 +-.@:/=\n\"'()٣\u200b", max_size=12), max_size=12).map("".join)


def streamed(text: str, cuts: list[int], window: int, before: str = "") -> tuple[str, int]:
    """What comes out of a stream, and the most that was held back."""
    stream = StreamMask(NONE, window, before=before)
    out: list[str] = []
    held = at = 0
    for cut in [*sorted(cuts), len(text)]:
        out.append(stream.feed(text[at:cut]))
        held, at = max(held, stream.held), cut
    return "".join((*out, stream.finish())), held


@settings(max_examples=250, deadline=None)
@given(TEXTS, st.data(), st.sampled_from([SMALLEST_WINDOW, 700, 8_192]), st.sampled_from(["", "password: ", "x"]))
def test_any_chunks_give_what_the_whole_gives(text: str, data: st.DataObject, window: int, before: str) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30))
    whole = mask(text, NONE, before=before, window=window).text
    assert streamed(text, cuts, window, before)[0] == whole


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@example("A9 " * 60 + KEY)
@example("+971 50 123 4567" * 20)
def test_one_character_at_a_time_gives_the_same_and_holds_no_more_than_the_window(text: str) -> None:
    out, held = streamed(text, list(range(len(text))), SMALLEST_WINDOW)
    assert out == mask(text, NONE, window=SMALLEST_WINDOW).text
    assert held <= 2 * SMALLEST_WINDOW


@pytest.mark.parametrize("case", [text for text, _, _ in IDENTIFIERS] + [text.format(key) for key, text in SECRETS])
def test_nothing_leaks_wherever_it_is_split(case: str) -> None:
    text = f"Well then: {case} and that is all."
    whole = mask(text, NONE).text
    assert whole != text
    for at in range(len(text)):
        assert streamed(text, [at], 8_192)[0] == whole


def test_prose_is_held_back_by_a_word_at_most() -> None:
    stream = StreamMask(NONE)
    said = [stream.feed(word) for word in ("The renewal", " of the", " contract", " is", " due", ".", "\nIt ")]
    assert said == ["The ", "renewal of ", "the ", "contract ", "is ", "", "due.\nIt "]
    assert stream.feed("مرحبا بك") == "مرحبا بك"
    assert stream.feed("!") == ""
    assert stream.finish() == "!"


def test_a_number_is_held_until_it_is_known_to_have_ended() -> None:
    stream = StreamMask(NONE)
    assert [stream.feed(part) for part in ("card 4242", " 4242 4242", " 4242", " ", "please ")] == [
        "card ",
        "",
        "",
        "",
        "[CARD_1] please ",
    ]


def test_a_secret_longer_than_any_window_is_swallowed_to_its_end() -> None:
    token = "eyJ" + drawn("a", 300) + "." + drawn("b", 90_000) + "." + drawn("c", 43)
    text = f"token {token} after"
    assert mask(text, NONE, window=SMALLEST_WINDOW).text == "token [SECRET_1] after"
    assert streamed(text, list(range(0, len(text), 333)), SMALLEST_WINDOW)[0] == "token [SECRET_1] after"
    block = "\n".join(
        ("-----BEGIN PRIVATE KEY-----", *(drawn(str(n), 64) for n in range(400)), "-----END PRIVATE KEY-----")
    )
    assert mask(f"a {block} b", NONE).text == "a [PRIVATE_KEY_1] b"
    assert streamed(f"a {block} b", list(range(0, len(block), 7)), 8_192)[0] == "a [PRIVATE_KEY_1] b"


def test_a_long_run_without_blanks_comes_out_as_it_went_in_and_hides_nothing() -> None:
    r = random.Random(1)
    text = "".join(drawn(str(n), r.randrange(200, 900)) + ",sara@example.ae," for n in range(60))
    out, held = streamed(text, list(range(0, len(text), 50)), SMALLEST_WINDOW)
    assert out == text.replace("sara@example.ae", "[EMAIL_1]")
    assert held <= 2 * SMALLEST_WINDOW


def test_invisible_characters_are_not_heaped_up() -> None:
    stream = StreamMask(NONE, SMALLEST_WINDOW)
    held = 0
    for _ in range(100):
        stream.feed("1" + "\u200b" * 500)
        held = max(held, stream.held)
    assert held < 5 * SMALLEST_WINDOW


def test_a_stream_shares_the_placeholders_of_its_conversation_and_counts() -> None:
    names = Placeholders()
    mask("a@x.ae b@x.ae", NONE, names)
    stream = StreamMask(NONE, placeholders=names)
    assert stream.feed("to b@x.ae or c@x.ae") + stream.finish() == "to [EMAIL_2] or [EMAIL_3]"
    assert stream.counts == {"EMAIL": 2}


def test_what_may_be_seen_passes() -> None:
    stream = StreamMask(frozenset({DataClass.PII}))
    assert stream.feed("a@x.ae password: hunter2") + stream.finish() == "a@x.ae password: [SECRET_1]"


def test_a_window_that_no_secret_fits_in_is_refused() -> None:
    with pytest.raises(ValueError, match="a window of 100 characters: from 512 to 65,536"):
        StreamMask(NONE, window=100)
