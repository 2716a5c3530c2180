"""Payloads can be read with their key, in their place, unchanged, and in no other way."""

from dataclasses import replace
from pathlib import Path

import pytest

from remit.domain.clock import Instant
from remit.domain.ids import KeyId
from remit.storage.port import StoreError
from remit.storage.sealed import DataKey, KeyFile, Keyring, PayloadLost

SECRET = bytes(range(32))
NOW = Instant(1)


def key(id: str = "key_1", secret: bytes = SECRET) -> DataKey:
    return DataKey(KeyId(id), secret)


def test_what_was_sealed_can_be_opened() -> None:
    sealed = key().seal("act_1", "arguments", b'{"iban":"OM1"}')
    assert key().open(sealed) == b'{"iban":"OM1"}'
    assert b"OM1" not in sealed.sealed


def test_the_same_content_is_never_sealed_to_the_same_bytes() -> None:
    assert key().seal("a", "p", b"x").sealed != key().seal("a", "p", b"x").sealed


@pytest.mark.parametrize("at", [0, 11, 12, -1], ids=["nonce", "end of nonce", "content", "tag"])
def test_a_changed_payload_is_lost(at: int) -> None:
    sealed = key().seal("act_1", "arguments", b"content")
    changed = bytearray(sealed.sealed)
    changed[at] ^= 1
    with pytest.raises(PayloadLost, match="the arguments of act_1 was changed"):
        key().open(replace(sealed, sealed=bytes(changed)))


@pytest.mark.parametrize("length", [0, 5, 12, 20])
def test_a_payload_that_was_cut_short_is_lost(length: int) -> None:
    sealed = key().seal("act_1", "arguments", b"content")
    with pytest.raises(PayloadLost):
        key().open(replace(sealed, sealed=sealed.sealed[:length]))


@pytest.mark.parametrize(("owner", "part"), [("act_2", "arguments"), ("act_1", "result"), ("act_1\x00a", "rguments")])
def test_a_payload_that_was_moved_is_lost(owner: str, part: str) -> None:
    sealed = key().seal("act_1", "arguments", b"content")
    with pytest.raises(PayloadLost):
        key().open(replace(sealed, owner=owner, part=part))


def test_another_key_opens_nothing() -> None:
    sealed = key().seal("act_1", "arguments", b"content")
    with pytest.raises(PayloadLost):
        key(secret=bytes(32)).open(sealed)


def test_a_salt_depends_on_the_key_and_the_run() -> None:
    salts = {key().salt("run_1"), key().salt("run_2"), key(secret=bytes(32)).salt("run_1")}
    assert len(salts) == 3
    assert key().salt("run_1") == key("another name").salt("run_1")


def test_nothing_shows_its_secret(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "remit.key")
    ring = Keyring(file)
    wrapped = ring.make(KeyId("key_1"), NOW)
    shown = " ".join(map(repr, (key(), file, ring, wrapped, ring.unwrap(wrapped), key().seal("a", "p", b"plain"))))
    hidden = [SECRET, wrapped.wrapped, (tmp_path / "remit.key").read_bytes().strip(), b"plain"]
    for secret in hidden:
        assert repr(secret) not in shown
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown


# -- the master key's file


def test_the_key_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "remit.key"
    wrapped = Keyring(KeyFile(path)).make(KeyId("k"), NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["remit.key"]
    sealed = Keyring(KeyFile(path)).unwrap(wrapped).seal("a", "p", b"x")
    assert Keyring(KeyFile(path)).unwrap(wrapped).open(sealed) == b"x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "remit.key"
    KeyFile(path)
    path.chmod(mode)
    with pytest.raises(StoreError, match=rf"others may read the key file \(mode 0{mode:o}\): run chmod 600"):
        KeyFile(path)


@pytest.mark.parametrize("content", [b"", b"abc", b"Z" * 64, b"\xff" * 64, b"a" * 63])
def test_a_key_file_without_a_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "remit.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="the key file"):
        KeyFile(path)
    assert path.read_bytes() == content


def test_a_key_file_that_can_not_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can not be read or made"):
        KeyFile(tmp_path / "nowhere" / "remit.key")


def test_the_wrong_master_key_unwraps_nothing(tmp_path: Path) -> None:
    wrapped = Keyring(KeyFile(tmp_path / "one.key")).make(KeyId("k"), NOW)
    with pytest.raises(PayloadLost, match="the key k was wrapped under another master key"):
        Keyring(KeyFile(tmp_path / "other.key")).unwrap(wrapped)


def test_a_wrapped_key_under_another_name_unwraps_nothing(tmp_path: Path) -> None:
    ring = Keyring(KeyFile(tmp_path / "one.key"))
    with pytest.raises(PayloadLost):
        ring.unwrap(replace(ring.make(KeyId("k"), NOW), id=KeyId("other")))
