"""`remit serve` with a certificate: the SDK and a browser reach it by TLS, and nobody without."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from remit.sdk.client import Client
from remit.sdk.errors import Unavailable
from remit.sdk.http import HttpDoor
from remit.sdk.wire import Reach
from tests.api.test_up import REMIT, environment, running
from tests.worlds import files


def certificate(
    folder: Path, name: str = "tls", encryption: KeySerializationEncryption | None = None
) -> tuple[Path, Path]:
    """A certificate of its own for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "remit test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
    return cert, private


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in files().items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_bytes(text)
    (tmp_path / "new").mkdir()
    return tmp_path


def remit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*REMIT, *arguments], cwd=folder, env=environment(folder), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def test_agents_and_browsers_come_by_tls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = certificate(folder)
    assert remit(folder, "apply", "shop").returncode == 0
    secret = remit(folder, "keys", "make", "buyer").stdout.strip()
    link = remit(folder, "people", "link").stdout
    with running(folder, "serve", "--cert", str(cert), "--key", str(key)) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert url in server.said[-1]
        context = ssl.create_default_context(cafile=str(cert))
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=20)
        connection.request(
            "POST",
            "/api/v1/session/link",
            json.dumps({"secret": link.split("#")[1].split()[0]}),
            {"Content-Type": "application/json"},
        )
        answer = connection.getresponse()
        cookie = str(answer.headers["set-cookie"])
        assert answer.status in (200, 201), answer.read()
        assert cookie.startswith("__Host-remit_session=")
        assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
        assert connection.sock is None or connection.sock.version() in ("TLSv1.2", "TLSv1.3")
        connection.close()
        with pytest.raises((http.client.HTTPException, OSError)):
            server.ask("GET", "/healthz")
        with Client(HttpDoor(Reach(url, secret, timeout_s=20, tries=1))) as client, pytest.raises(Unavailable):
            client.run("buyer", on_behalf_of="user:visitor").__enter__()  # nobody vouches for the certificate
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        door = HttpDoor(Reach(url, secret, timeout_s=20))
        with Client(door) as client, client.run("buyer", on_behalf_of="user:visitor") as run:
            assert run.call("erp.get", {"id": "1"}, using=lambda id: id) == "1"
        code, _ = server.stop()
        assert code == 0


def test_what_can_not_be_a_certificate_is_one_line(folder: Path) -> None:
    cert, key = certificate(folder)
    _, other = certificate(folder, "other")
    _, locked = certificate(folder, "locked", BestAvailableEncryption(b"secret"))
    text = folder / "text"
    text.write_text("nothing", "utf-8")
    for given in ((cert, other), (cert, locked), (text, key)):
        done = remit(folder, "serve", "--cert", str(given[0]), "--key", str(given[1]))
        assert (done.returncode, done.stdout) == (2, ""), given
        assert done.stderr.startswith(f"Error: {given[0]} and {given[1]}: "), done.stderr
        assert "its own private key, without a passphrase" in done.stderr
        assert done.stderr.count("\n") == 1
    assert "belong together" in remit(folder, "serve", "--cert", str(cert)).stderr
