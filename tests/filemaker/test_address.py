from __future__ import annotations

import pytest
from nexus_import.errors import ConfigurationError
from nexus_import.filemaker.address import is_unencrypted, join_path, origin, server_address

MALFORMED_HOSTS = [
    ("foo..bar.example", "two dots follow each other"),
    (".example.com", "it begins with a dot"),
    (
        f"{'a' * 64}.example.com",
        "a part of it is longer than 63 characters, or cannot be written as a name",
    ),
    (".".join(["a" * 63] * 4), "it is longer than 253 characters"),
    ("exa mple.com", "it holds a space"),
    ("*.foo", "it holds the character '*'"),
    ("fm,example.com", "it holds the character ','"),
    ("-fm.example.com", "a part of it begins or ends with a hyphen"),
]


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


@pytest.mark.parametrize(
    "url", ["", "fm.example.com", "ftp://fm.example.com", "https://", "https://h:99999", "https://[fm]"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        server_address(url)


@pytest.mark.parametrize(("host", "fault"), MALFORMED_HOSTS)
def test_what_is_wrong_with_a_host_is_said(host: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        server_address(f"https://{host}")
    assert str(raised.value) == (
        f"The host '{host}' of the FileMaker connection is no host name: {fault}. Write the server's name as in"
        " https://filemaker.example.com."
    )


@pytest.mark.parametrize(
    "host",
    ["fm", "fm_server", "10.0.0.7", "fm.example.com.", f"{'a' * 63}.example.com", "müller.example", "[fe80::1]"],
)
def test_a_host_of_any_good_form_is_taken(host: str) -> None:
    assert server_address(f"https://{host}") == f"https://{host}"


@pytest.mark.parametrize("url", ["https://user:s3cret@fm.example.com", r"https://fm.example.com\@s3cret.example.com"])
def test_credentials_in_the_address_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        server_address(url)
    assert "s3cret" not in str(raised.value)


def test_only_loopback_may_be_unencrypted() -> None:
    assert is_unencrypted("http://fm.example.com")
    assert not is_unencrypted("http://127.0.0.1:3000")
    assert not is_unencrypted("https://fm.example.com")


@pytest.mark.parametrize("url", ["https://FM.example.com/x", "https://fm.example.com:443/Streaming_SSL/a?b"])
def test_an_address_of_the_same_server_has_its_origin(url: str) -> None:
    assert origin(url) == origin("https://fm.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "http://fm.example.com/x",
        "https://fm.example.com:8443/x",
        "https://fm.example.com.evil.example/x",
        "https://fm.example.com@evil.example/x",
        r"https://fm.example.com\@evil.example/x",
        "https://user@fm.example.com/x",
        "//fm.example.com/x",
        "file:///etc/passwd",
        "https://[fm.example.com/x",
        "https://fm.example.com:port/x",
        "A file that was dragged in.pdf",
        "",
    ],
)
def test_any_other_address_has_not(url: str) -> None:
    assert origin(url) != origin("https://fm.example.com")


def test_every_part_of_a_path_is_quoted() -> None:
    assert join_path(("layouts", "Fälle/2025 §?#%", "a+b")) == "/layouts/F%C3%A4lle%2F2025%20%C2%A7%3F%23%25/a%2Bb"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_a_part_that_would_lead_elsewhere_is_refused(part: str) -> None:
    with pytest.raises(ConfigurationError, match="nothing was asked for"):
        join_path(("databases", "Clinic", "layouts", part))
