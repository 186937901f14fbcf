"""TLS to the object store and the mail server: a certificate that is trusted is well, another is named."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local.network import LOOPBACK
from tests.doctor.deployment import Deployment
from tests.doctor.test_broken_outside import only
from tests.filemaker.certificates import make_certificate
from tests.support.installation import BUCKET
from tests.support.tls import open_tls


def test_store_with_a_certificate_of_its_own(deployment: Deployment, tmp_path: Path) -> None:
    other, _ = make_certificate(tmp_path / "other")
    with open_tls(tmp_path / "own", urlsplit(deployment.installation.parts.s3_url).port or 0) as way:
        service = {"s3": {"endpoint_url": f"https://{LOOPBACK}:{way.port}", "bucket_name": BUCKET}}
        deployment.change_connection("nexus_s3", extra={"service_config": service, "verify": str(way.ca_file)})
        assert deployment.turned() == []
        deployment.change_connection("nexus_s3", extra={"service_config": service, "verify": str(other)})
        assert "list it (SSLError)" in only(deployment.turned(), "bucket").seen


def test_mail_server_with_a_certificate_of_its_own(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_tls(tmp_path / "own", deployment.mail_port) as way:
        deployment.mail_port = way.port
        deployment.change_connection("smtp_default", extra={"disable_ssl": False})
        assert "SSLCertVerificationError" in only(deployment.turned(), "mail server").seen
        monkeypatch.setenv("SSL_CERT_FILE", str(way.ca_file))
        assert deployment.turned() == []
