"""Cedar's extension types: decimal, datetime, duration and ip (Cedar reference, "Extension types").

Whatever a function refuses raises EvaluationError. A year has four digits and every number is of 64 bits, as there.
"""

from __future__ import annotations

import ipaddress
import re

from remit.policy.compiled.operators import text
from remit.policy.compiled.values import (
    EVALUATION,
    I64_MAX,
    I64_MIN,
    TYPE,
    Datetime,
    DecimalNumber,
    Duration,
    EvaluationError,
    IpRange,
    Value,
)

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SECOND_MS = 1_000
_UNITS_MS = (DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, 1)
_DECIMAL = re.compile(r"(-?)([0-9]+)\.([0-9]{1,4})")
_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?"
)
_DURATION = re.compile(r"(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?")


def _fit(number: int) -> int:
    if I64_MIN <= number <= I64_MAX:
        return number
    raise EvaluationError(EVALUATION)


def _number(digits: str | None) -> int:
    """Return what digits say; of more than any number of 64 bits has, one that is too large."""
    stripped = (digits or "").lstrip("0")
    return int(stripped or "0") if len(stripped) <= 20 else 10**20


# --- decimal ---


def decimal(value: Value) -> DecimalNumber:
    """Return `decimal("1.25")`: at least one digit before the point, one to four behind it."""
    found = _DECIMAL.fullmatch(text(value))
    if found is None:
        raise EvaluationError(EVALUATION)
    found_units = _number(found[2]) * 10_000 + int(found[3].ljust(4, "0"))
    return DecimalNumber(_fit(-found_units if found[1] else found_units))


def _units(value: Value) -> int:
    """Return the ten-thousandths of a value that must be a decimal."""
    if type(value) is DecimalNumber:
        return value.units
    raise EvaluationError(TYPE)


def decimal_less(left: Value, right: Value) -> bool:
    """Return `left.lessThan(right)`."""
    return _units(left) < _units(right)


def decimal_less_or_equal(left: Value, right: Value) -> bool:
    """Return `left.lessThanOrEqual(right)`."""
    return _units(left) <= _units(right)


# --- datetime and duration ---


def datetime(value: Value) -> Datetime:
    """Return `datetime("2026-01-05")`, or with a time of day in UTC or with an offset."""
    found = _DATETIME.fullmatch(text(value))
    if found is None:
        raise EvaluationError(EVALUATION)
    epoch_ms = _days(int(found[1]), int(found[2]), int(found[3])) * DAY_MS
    if found[4] is not None:
        epoch_ms += _time_ms(found[4], found[5], found[6]) + int(found[7] or 0)
    if found[8] is not None:
        offset_ms = _time_ms(found[9], found[10], "0")
        epoch_ms += -offset_ms if found[8] == "+" else offset_ms
    return Datetime(epoch_ms)


def _time_ms(hours: str, minutes: str, seconds: str) -> int:
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        raise EvaluationError(EVALUATION)
    return int(hours) * HOUR_MS + int(minutes) * MINUTE_MS + int(seconds) * SECOND_MS


def _days(year: int, month: int, day: int) -> int:
    """Return days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms"); year 0 is one."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if not 1 <= month <= 12 or not 1 <= day <= lengths[month - 1]:
        raise EvaluationError(EVALUATION)
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def duration(value: Value) -> Duration:
    """Return `duration("-1d2h3m4s5ms")`: at least one part, in this order."""
    found = _DURATION.fullmatch(text(value))
    if found is None or not any(found.groups()[1:]):
        raise EvaluationError(EVALUATION)
    sign = -1 if found[1] else 1
    total = sum(_number(part) * unit for part, unit in zip(found.groups()[1:], _UNITS_MS, strict=True))
    return Duration(_fit(sign * total))


def _epoch_ms(value: Value) -> int:
    if type(value) is Datetime:
        return value.epoch_ms
    raise EvaluationError(TYPE)


def _length_ms(value: Value) -> int:
    if type(value) is Duration:
        return value.length_ms
    raise EvaluationError(TYPE)


def to_date(value: Value) -> Datetime:
    """Return the beginning of the day."""
    return Datetime(_fit(_epoch_ms(value) // DAY_MS * DAY_MS))


def to_time(value: Value) -> Duration:
    """Return the time since the beginning of the day."""
    return Duration(_epoch_ms(value) % DAY_MS)


def offset(value: Value, by: Value) -> Datetime:
    """Return a datetime moved by a duration."""
    start, length = _epoch_ms(value), _length_ms(by)
    return Datetime(_fit(start + length))


def duration_since(value: Value, earlier: Value) -> Duration:
    """Return how long after another a datetime is."""
    end, start = _epoch_ms(value), _epoch_ms(earlier)
    return Duration(_fit(end - start))


def to_milliseconds(value: Value) -> int:
    """Return a duration in milliseconds."""
    return _length_ms(value)


def to_seconds(value: Value) -> int:
    """Return a duration in whole seconds, rounded towards zero."""
    return _parts_of(value, SECOND_MS)


def to_minutes(value: Value) -> int:
    """Return a duration in whole minutes, rounded towards zero."""
    return _parts_of(value, MINUTE_MS)


def to_hours(value: Value) -> int:
    """Return a duration in whole hours, rounded towards zero."""
    return _parts_of(value, HOUR_MS)


def to_days(value: Value) -> int:
    """Return a duration in whole days, rounded towards zero."""
    return _parts_of(value, DAY_MS)


def _parts_of(value: Value, unit_ms: int) -> int:
    length = _length_ms(value)
    return -(-length // unit_ms) if length < 0 else length // unit_ms


# --- ip ---


def ip(value: Value) -> IpRange:
    """Return `ip("10.0.0.0/8")`: an address, or a range with the length of its prefix."""
    address, slash, prefix = text(value).partition("/")
    is_v6 = ":" in address
    if "%" in address or (is_v6 and "." in address):
        raise EvaluationError(EVALUATION)
    try:
        number = int(ipaddress.IPv6Address(address) if is_v6 else ipaddress.IPv4Address(address))
    except ValueError:
        raise EvaluationError(EVALUATION) from None
    bits = 128 if is_v6 else 32
    return IpRange(bits, number, _prefix(prefix, bits) if slash else bits)


def _prefix(digits: str, bits: int) -> int:
    if not digits.isascii() or not digits.isdigit() or (digits[0] == "0" and digits != "0") or len(digits) > 3:
        raise EvaluationError(EVALUATION)
    if int(digits) > bits:
        raise EvaluationError(EVALUATION)
    return int(digits)


def _range(value: Value) -> IpRange:
    if type(value) is IpRange:
        return value
    raise EvaluationError(TYPE)


def _ends(value: IpRange) -> tuple[int, int]:
    free = value.bits - value.prefix
    first = value.address >> free << free
    return first, first | ((1 << free) - 1)


def is_in_range(inner: Value, outer: Value) -> bool:
    """Return whether every address of one range is in the other."""
    one, other = _range(inner), _range(outer)
    if one.bits != other.bits:
        return False
    (first, last), (low, high) = _ends(one), _ends(other)
    return low <= first and last <= high


def is_ipv4(value: Value) -> bool:
    """Return whether it is an IPv4 address or range."""
    return _range(value).bits == 32


def is_ipv6(value: Value) -> bool:
    """Return whether it is an IPv6 address or range."""
    return _range(value).bits == 128


def is_loopback(value: Value) -> bool:
    """Return whether every address of it is a loopback address: 127.0.0.0/8 or ::1."""
    found = _range(value)
    return is_in_range(found, _LOOPBACK[found.bits])


def is_multicast(value: Value) -> bool:
    """Return whether every address of it is a multicast address: 224.0.0.0/4 or ff00::/8."""
    found = _range(value)
    return is_in_range(found, _MULTICAST[found.bits])


_LOOPBACK = {32: IpRange(32, 127 << 24, 8), 128: IpRange(128, 1, 128)}
_MULTICAST = {32: IpRange(32, 224 << 24, 4), 128: IpRange(128, 0xFF << 120, 8)}
