"""A certificate for one run of the simulator, made by the program `openssl`, which is its own authority."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

VALID_DAYS: Final = 30
OPENSSL_TIMEOUT_SECONDS: Final = 30

_REQUEST: Final = """\
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = FileMaker simulator
[extensions]
subjectAltName = {names}
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, digitalSignature, keyCertSign
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
"""


class CertificateError(Exception):
    """No certificate could be made; the message says what to do."""


def make_self_signed(directory: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate for the host, localhost and loopback with its key into a private directory.

    Returns both files (PEM). Clients that take the certificate as their CA file trust the server. Raises
    CertificateError.
    """
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError(
            "a self-signed certificate needs the program openssl, which is not on the PATH: install it, or make a "
            "certificate yourself and give it with its key (--tls-certificate, --tls-key)"
        )
    certificate, key, request = (directory / name for name in ("certificate.pem", "key.pem", "request.cnf"))
    request.write_text(_REQUEST.format(names=", ".join(_names(host))), encoding="utf-8")
    made = subprocess.run(
        [program, "req", "-x509", "-config", str(request), "-newkey", "rsa:2048", "-nodes", "-sha256",
         "-days", str(VALID_DAYS), "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        text=True,
        timeout=OPENSSL_TIMEOUT_SECONDS,
        check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise CertificateError(f"openssl could not make a certificate: {made.stderr.strip()}")
    return certificate, key


def _names(host: str) -> list[str]:
    """Return the names the certificate is for, each once."""
    hosts = dict.fromkeys(("localhost", "127.0.0.1", "::1", host, socket.gethostname()))
    return [f"IP:{name}" if _is_address(name) else f"DNS:{name}" for name in hosts if name]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
