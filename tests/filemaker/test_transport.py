from __future__ import annotations

import datetime
import ipaddress
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nexus_import.errors import ConfigurationError, FileMakerError, FileMakerUnavailable
from nexus_import.filemaker.transport import FileMakerTimedOutError, is_unencrypted, server_address

from local.simulator import Simulator

from .conftest import CONTACTS, DATA_SET, PASSWORD, USER, Connect


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://fm.example.com", "https://fm.example.com"),
        ("https://fm.example.com/fmi/data/v1/", "https://fm.example.com"),
        (" http://127.0.0.1:3000/ ", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_the_address_is_scheme_host_and_port(url: str, address: str) -> None:
    assert server_address(url) == address


@pytest.mark.parametrize("url", ["", "fm.example.com", "ftp://fm.example.com", "https://", "https://h:99999"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        server_address(url)


def test_credentials_in_the_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as raised:
        server_address("https://user:s3cret@fm.example.com")
    assert "s3cret" not in str(raised.value)


def test_only_loopback_may_be_unencrypted() -> None:
    assert is_unencrypted("http://fm.example.com")
    assert not is_unencrypted("http://127.0.0.1:3000")
    assert not is_unencrypted("https://fm.example.com")


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_names_host_and_port(connect: Connect) -> None:
    port = _unused_port()
    client = connect(url=f"http://127.0.0.1:{port}", retry_attempts=2)
    with pytest.raises(FileMakerUnavailable) as raised:
        client.layouts()
    assert f"http://127.0.0.1:{port}" in str(raised.value)
    assert "Gave up after 2 attempts" in str(raised.value)


def test_a_silent_server_is_a_time_out(simulator: Simulator, connect: Connect) -> None:
    simulator.control.hold(CONTACTS)
    client = connect(read_timeout_seconds=0.2, retry_attempts=1)
    with pytest.raises(FileMakerTimedOutError, match=r"did not answer within 0\.2 s"):
        client.get_records(CONTACTS)
    simulator.control.release()


class _Elsewhere(BaseHTTPRequestHandler):
    server: HTTPServer
    seen: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        authorization = self.headers.get("Authorization", "nothing")
        self.seen.append(f"{self.path} {authorization.split()[0]}")
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 the name http.server calls

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def redirecting_server() -> Iterator[tuple[str, list[str]]]:
    _Elsewhere.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", _Elsewhere.seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_credentials_do_not_follow_a_redirect(redirecting_server: tuple[str, list[str]], connect: Connect) -> None:
    url, seen = redirecting_server
    with pytest.raises(FileMakerError, match="put the final address"):
        connect(url=url).layouts()
    assert seen == ["/fmi/data/vLatest/databases/Clinic/sessions Basic"]


def test_a_netrc_file_does_not_replace_the_credentials(
    redirecting_server: tuple[str, list[str]],
    connect: Connect,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    client = connect()
    assert client.found_count(CONTACTS) > 0
    url, seen = redirecting_server
    with pytest.raises(FileMakerError):
        connect(url=url).product_info()
    assert seen == ["/fmi/data/vLatest/productInfo nothing"]


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "simulated FileMaker Server")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def test_tls_is_verified_and_the_ca_file_wins_over_the_environment(
    own_certificate: tuple[Path, Path], connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Simulator.from_dataset(DATA_SET, tls_files=own_certificate) as server:
        account = {"url": server.url, "username": USER, "password": PASSWORD}
        with pytest.raises(FileMakerError, match="'ca_file' of the connection") as raised:
            connect(**account).layouts()
        assert not isinstance(raised.value, FileMakerUnavailable)
        assert raised.value.__context__ is None, "requests' error holds the path"
        assert server.control.state()["logins_made"] == 0

        other_bundle = tmp_path / "other.pem"
        other_bundle.write_text("")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other_bundle))
        with connect(**account, ca_file=str(own_certificate[0])) as client:
            assert client.found_count(CONTACTS) > 0
        with pytest.raises(ConfigurationError, match="CA file"):
            connect(**account, ca_file=str(tmp_path / "missing.pem")).layouts()
