"""The Data API over TLS with a certificate made for the test."""

from __future__ import annotations

import copy
import datetime
import ipaddress
import socket
import ssl
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.simulator import Simulator
from local.simulator.wire.certificates import CertificateError
from tests.simulator.tiny_clinic import CLINIC, TIMEOUT_SECONDS, DataApiClient, numbers, outcome
from tests.simulator.worlds import needs_openssl


@pytest.fixture
def certificate_and_key(tmp_path: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulator")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (tmp_path / "certificate.pem", tmp_path / "key.pem")
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def test_a_client_that_trusts_the_certificate_is_served_and_others_are_not(
    certificate_and_key: tuple[Path, Path],
) -> None:
    with Simulator.from_dataset(copy.deepcopy(CLINIC), tls_files=certificate_and_key) as simulator:
        assert simulator.url.startswith("https://")
        client = DataApiClient(simulator)
        with pytest.raises(requests.exceptions.SSLError):
            client.log_in()
        trusted = str(certificate_and_key[0])
        assert outcome(client.log_in(verify=trusted)) == (200, "0")
        answer = client.call("GET", "layouts/API_Contacts/records", verify=trusted)
        assert numbers(answer) == [1, 2, 3, 4, 5, 6]


@needs_openssl
def test_a_certificate_made_here_is_valid_for_loopback_and_goes_with_the_simulator() -> None:
    with Simulator.from_dataset(copy.deepcopy(CLINIC), host="localhost", tls_self_signed=True) as simulator:
        assert simulator.ca_file is not None
        trusted = str(simulator.ca_file)
        client = DataApiClient(simulator)
        with pytest.raises(requests.exceptions.SSLError):
            client.log_in()
        assert outcome(client.log_in(verify=trusted)) == (200, "0")
        context = ssl.create_default_context(cafile=trusted)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        for name in ("127.0.0.1", "localhost", "::1"):
            with socket.create_connection(("127.0.0.1", simulator.port), timeout=TIMEOUT_SECONDS) as plain:
                context.wrap_socket(plain, server_hostname=name).close()
        assert simulator.ca_file.parent.stat().st_mode & 0o077 == 0, "nobody else reads the key"
    assert not simulator.ca_file.parent.exists()


def test_without_openssl_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CertificateError, match=r"program openssl, which is not on the PATH: .*--tls-certificate"):
        Simulator.from_dataset(copy.deepcopy(CLINIC), tls_self_signed=True)


def test_a_client_without_tls_is_turned_away(certificate_and_key: tuple[Path, Path]) -> None:
    with Simulator.from_dataset(copy.deepcopy(CLINIC), tls_files=certificate_and_key) as simulator:
        address = simulator.url.replace("https://", "http://")
        with pytest.raises(requests.ConnectionError):
            requests.get(address, timeout=TIMEOUT_SECONDS)
