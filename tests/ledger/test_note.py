"""Signed notes, verifier keys, checkpoints and rotations: the forms of the specifications, and what is refused."""

import base64

import pytest

from remit.ledger.checkpoint import Checkpoint, Rotation
from remit.ledger.note import BadNote, ForgedNote, Note, Signer, UnknownSigner, Verifier, signed

# The key and note of golang.org/x/mod/sumdb/note's documentation, as an oracle that is not ours.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

OLD, NEW, THIEF = (Signer("here.example/log", bytes([n]) * 32) for n in (1, 2, 3))
ROOT = bytes(range(32))
TEXT = Checkpoint("here.example/log", 42, ROOT).text


def test_a_note_signed_by_another_implementation() -> None:
    key = Verifier.of(GO_KEY)
    assert str(key) == GO_KEY
    assert Note.of(GO_NOTE.encode()).signers([key]) == (key,)
    with pytest.raises(ForgedNote, match=r"names PeterNeumann\+c74f20a3 is not by that key"):
        Note.of(GO_NOTE.replace("answer", "question").encode()).signers([key])


def test_both_signatures_of_a_note_are_checked() -> None:
    note = Note.of(signed(TEXT, [OLD, NEW]).encode())
    assert note.signers([OLD.verifier]) == (OLD.verifier,)
    assert note.signers([NEW.verifier, OLD.verifier]) == (OLD.verifier, NEW.verifier)
    assert note.others([OLD.verifier]) == (f"here.example/log+{NEW.verifier.id.hex()}",)


def test_an_unknown_key_signs_nothing_away() -> None:
    note = Note.of(signed(TEXT, [THIEF]).encode())
    with pytest.raises(UnknownSigner, match="and by no key you gave"):
        note.signers([OLD.verifier])


def test_one_forged_signature_spoils_the_note() -> None:
    good, bad = signed(TEXT, [OLD]), signed(TEXT.replace("42", "43"), [NEW])
    note = Note.of((good + bad.rpartition("\n\n")[2]).encode())
    with pytest.raises(ForgedNote):
        note.signers([OLD.verifier, NEW.verifier])


def test_a_cosignature_of_another_type_is_carried_along() -> None:
    witness = "\u2014 witness.example/w " + base64.b64encode(bytes(4 + 8 + 64)).decode() + "\n"
    note = Note.of((signed(TEXT, [OLD]) + witness).encode())
    assert note.signers([OLD.verifier]) == (OLD.verifier,)
    assert note.others([OLD.verifier]) == ("witness.example/w+00000000",)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"text\n", "no signature lines"),
        (b"text\n\n", "no signature lines"),
        (b"text\n\n\xe2\x80\x94 a b", "no signature lines"),
        (b"text\n\n- a AAAAAAA=\n", "no signature line"),
        (b"text\n\n\xe2\x80\x94 a AAAA\n", "cut short"),
        (b"text\n\n\xe2\x80\x94 a !!!!\n", "is not base64"),
        (b"text\n\n\xe2\x80\x94 a AAAAAAB=\n", "not the one way"),
        (b"te\rxt\n\n\xe2\x80\x94 a AAAAAAA=\n", "control characters"),
        (b"\xff\n\n\xe2\x80\x94 a AAAAAAA=\n", "not UTF-8"),
        (b"text\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n" * 101, "more than 100"),
        (b"x" * 1_000_001, "longer than"),
    ],
)
def test_what_is_no_note_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BadNote, match=said):
        Note.of(raw)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name", "write name"),
        (GO_KEY.replace("c74f", "c74e"), "mistyped or changed"),
        (GO_KEY.replace("Peter", "Paula"), "mistyped or changed"),
        ("a b+00000000+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "no blanks"),
        ("name+00000000+AhpcAAAA", "not an Ed25519 key"),
        ("name+00000000+ARpc", "has 32 bytes, not 2"),
    ],
)
def test_what_is_no_key_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadNote, match=said):
        Verifier.of(text)


def test_a_secret_is_not_shown() -> None:
    assert OLD.seed.hex() not in repr(OLD)
    assert "seed" not in repr(OLD)


def test_a_checkpoint_is_three_lines() -> None:
    assert TEXT == "here.example/log\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert Checkpoint.of(TEXT) == Checkpoint("here.example/log", 42, ROOT)
    assert Checkpoint.of(TEXT + "an extension\n") == Checkpoint.of(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n42\n",
        TEXT.replace("42", "042"),
        TEXT.replace("42", "-1"),
        TEXT.replace("42", "\u0664\u0662"),
        TEXT.replace("42", "4" * 21),
        TEXT.replace("AAEC", "AAE"),
        TEXT.replace("Hh8=", "Hh9="),
        TEXT + "\n",
        TEXT.removesuffix("\n"),
        "\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_a_checkpoint_has_one_form(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.of(text)


def test_a_rotation_names_the_next_key_and_is_no_checkpoint() -> None:
    rotation = Rotation("here.example/log", 42, NEW.verifier)
    assert Rotation.of(rotation.text) == rotation
    with pytest.raises(BadNote):
        Checkpoint.of(rotation.text)
    with pytest.raises(BadNote, match="which key comes next"):
        Rotation.of(TEXT)
