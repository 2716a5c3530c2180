"""For what records may hold, our bytes are those of RFC 8785, as another implementation writes them."""

import hashlib
import hmac
import string
from pathlib import Path
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.canonical import canonical, salted_digest, sha256_hex
from remit.domain.record import leaf_hash

KEYS = st.text(string.ascii_letters + string.digits + "._:#/-", max_size=8)
# RFC 8785 counts in IEEE doubles: beyond 2^53 - 1 it has no integers (section 3.2.2.3).
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
scalars = st.one_of(st.none(), st.booleans(), WHOLE, st.text(max_size=10))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=20,
)


@given(values)
def test_our_bytes_are_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_what_was_written_is_read_back(value: Any) -> None:
    assert orjson.loads(canonical(value)) == value


@pytest.mark.parametrize(
    "text",
    ["\u0000", "\u001f", "\u007f", "\u2028", "\u00e9", "e\u0301", "\U0001f600", '"\\/', "فاتورة", "\ufffe", "\u202e"],
)
def test_no_character_is_written_in_another_way(text: str) -> None:
    assert canonical({"text": text}) == rfc8785.dumps({"text": text})


@given(st.dictionaries(KEYS, WHOLE))
def test_the_order_in_which_keys_were_put_in_does_not_matter(value: dict[str, int]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_a_lone_surrogate_has_no_bytes() -> None:
    with pytest.raises(TypeError):
        canonical({"text": "\ud800"})


def test_the_golden_records_are_rfc_8785() -> None:
    files = sorted((Path(__file__).parent / "golden").glob("*.json"))
    assert files
    for path in files:
        record = orjson.loads(path.read_bytes())
        assert canonical(record) == rfc8785.dumps(record)


def test_sha256_of_nothing() -> None:
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.binary(), st.lists(st.binary(max_size=4), max_size=3), st.lists(st.binary(max_size=4), max_size=3))
def test_a_digest_tells_parts_apart(salt: bytes, left: list[bytes], right: list[bytes]) -> None:
    assert (salted_digest(salt, *left) == salted_digest(salt, *right)) is (left == right)


def test_a_digest_is_an_hmac_over_parts_with_their_lengths() -> None:
    joined = (2).to_bytes(8, "big") + b"ab" + (0).to_bytes(8, "big")
    assert salted_digest(b"salt", b"ab", b"") == hmac.new(b"salt", joined, hashlib.sha256).hexdigest()
    assert salted_digest(b"other", b"ab", b"") != salted_digest(b"salt", b"ab", b"")


def test_a_leaf_is_hashed_as_rfc_6962_says() -> None:
    # The hash of the empty leaf, from the test vectors of Certificate Transparency.
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert leaf_hash(b"{}") == hashlib.sha256(b"\x00{}").digest()
    assert leaf_hash(b"{}") != hashlib.sha256(b"{}").digest(), "a leaf must never pass for a node"
