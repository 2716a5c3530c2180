"""Money is whole micro-dollars: never short, never beyond what can be counted, and shown as people write it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.domain.money import MAX_MICROS, MICROS_PER_USD, micros_to_usd, usd_to_micros

amounts = st.one_of(
    st.decimals(0, MAX_MICROS // MICROS_PER_USD, allow_nan=False, allow_infinity=False),
    st.builds(lambda digits, places: Decimal(digits).scaleb(-places), st.integers(0, 10**40), st.integers(35, 60)),
)


@given(amounts)
def test_a_fraction_of_a_micro_is_rounded_up_exactly(amount: Decimal) -> None:
    exact = Fraction(amount) * MICROS_PER_USD
    expected = -(-exact.numerator // exact.denominator)
    assert usd_to_micros(amount) == expected
    assert usd_to_micros(str(amount)) == expected


def test_one_digit_far_behind_the_point_costs_a_whole_micro() -> None:
    assert usd_to_micros("0.000001") == 1
    assert usd_to_micros("0.0000010000000000000000000000000000000000001") == 2
    assert usd_to_micros("1e-999999") == 1
    assert usd_to_micros("0e-999999") == 0


def test_ten_cents_and_twenty_are_thirty() -> None:
    assert usd_to_micros("0.1") + usd_to_micros("0.2") == usd_to_micros("0.3") == 300_000


def test_the_largest_amount() -> None:
    largest = Decimal(MAX_MICROS) / MICROS_PER_USD
    assert usd_to_micros(largest) == MAX_MICROS
    with pytest.raises(ValueError, match="more than Remit can count"):
        usd_to_micros(largest + Decimal("0.000001"))


@pytest.mark.parametrize("amount", ["9e15", "1e30", "1e999", "1e999999"])
def test_what_is_too_much_is_refused_at_once(amount: str) -> None:
    with pytest.raises(ValueError, match=r"is more than Remit can count \(9007199254740991 micro-USD\)"):
        usd_to_micros(amount)


@pytest.mark.parametrize("amount", ["", "five", "$5", "1,5", "0x10", "--1", "1e", "١٢٣a"])
def test_what_is_no_number_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"is no amount in US dollars; write for example 0\.25"):
        usd_to_micros(amount)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "-1", "-0.000001"])
def test_what_is_not_finite_or_negative_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="is no amount in US dollars: it must be finite and not negative"):
        usd_to_micros(amount)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (10_000, "$0.01"),
        (125_000, "$0.125"),
        (1_250_000, "$1.25"),
        (1_000_000_000_000, "$1,000,000.00"),
        (-5_000, "-$0.005"),
    ],
)
def test_an_amount_as_people_write_it(micros: int, shown: str) -> None:
    assert micros_to_usd(micros) == shown


@given(st.integers(-MAX_MICROS, MAX_MICROS))
def test_nothing_is_lost_in_the_showing(micros: int) -> None:
    shown = micros_to_usd(micros).replace(",", "").replace("$", "")
    assert Decimal(shown) * MICROS_PER_USD == micros
