"""The Airflow connections that come out of the variables of .env."""

from __future__ import annotations

import pytest

from deploy.connections import EnvironmentMistake, connections

SETTINGS = {
    "NEXUS_DB_ADDRESS": "db.example.com:5433",
    "NEXUS_DB_NAME": "nexus",
    "NEXUS_IMPORT_PASSWORD": "one",
    "NEXUS_BACKUP_PASSWORD": "two",
    "NEXUS_RESTORE_PASSWORD": "three",
    "FILEMAKER_URL": "https://filemaker.example.com",
    "FILEMAKER_DATABASE": "Clinic",
    "FILEMAKER_USER": "nexus",
    "FILEMAKER_PASSWORD": "four",
    "S3_REGION": "ap-southeast-2",
    "S3_BUCKET": "clinic",
}


def test_each_connection_has_its_own_role_and_password() -> None:
    found = connections(SETTINGS)
    logins = {name: (one["login"], one["password"]) for name, one in found.items()}
    assert logins == {
        "nexus_db": ("nexus_import", "one"),
        "nexus_db_backup": ("nexus_backup", "two"),
        "nexus_db_restore": ("nexus_restore", "three"),
        "filemaker_default": ("nexus", "four"),
        "nexus_s3": (None, None),
    }
    nexus = found["nexus_db"]
    assert (nexus["host"], nexus["port"], nexus["extra"]) == ("db.example.com", 5433, {"sslmode": "verify-full"})


def test_amazons_own_storage_needs_no_address_and_another_has_one() -> None:
    assert connections(SETTINGS)["nexus_s3"]["extra"] == {
        "region_name": "ap-southeast-2",
        "service_config": {"s3": {"bucket_name": "clinic"}},
    }
    other = connections(SETTINGS | {"S3_ENDPOINT": "http://s3:8333", "S3_ACCESS_KEY_ID": "key"})["nexus_s3"]
    assert other["login"] == "key"
    assert other["extra"]["service_config"]["s3"]["endpoint_url"] == "http://s3:8333"


@pytest.mark.parametrize(
    ("security", "extra"),
    [("", (True, False)), ("starttls", (True, False)), ("tls", (False, True)), ("none", (True, True))],
)
def test_mail_is_encrypted_unless_said_otherwise(security: str, extra: tuple[bool, bool]) -> None:
    mail = connections(SETTINGS | {"SMTP_ADDRESS": "mail.example.com:587", "SMTP_SECURITY": security})["smtp_default"]
    assert (mail["extra"]["disable_ssl"], mail["extra"]["disable_tls"]) == extra
    assert (mail["host"], mail["port"]) == ("mail.example.com", 587)


def test_without_an_address_there_are_no_mails() -> None:
    assert "smtp_default" not in connections(SETTINGS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"FILEMAKER_URL": ""}, "FILEMAKER_URL is not set"),
        ({"NEXUS_DB_ADDRESS": "db.example.com"}, "NEXUS_DB_ADDRESS is not host:port"),
        ({"NEXUS_DB_ADDRESS": "db.example.com:post"}, "NEXUS_DB_ADDRESS is not host:port"),
        ({"SMTP_ADDRESS": "mail:25", "SMTP_SECURITY": "yes"}, "SMTP_SECURITY is 'yes': it takes tls, starttls, none"),
    ],
)
def test_a_mistake_is_named(changed: dict[str, str], sentence: str) -> None:
    with pytest.raises(EnvironmentMistake, match=sentence):
        connections(SETTINGS | changed)
