"""The Airflow connections of a deployment, made of the variables of its .env file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NEXUS_ROLES = {"nexus_db": "nexus_import", "nexus_db_backup": "nexus_backup", "nexus_db_restore": "nexus_restore"}
"""Connection id -> role of the Nexus database; its password is the variable named like the role."""
MAIL_SECURITY = {
    "tls": {"disable_ssl": False, "disable_tls": True},
    "starttls": {"disable_ssl": True, "disable_tls": False},
    "none": {"disable_ssl": True, "disable_tls": True},
}
MAIL_TIMEOUT_SECONDS = 30

Connection = dict[str, Any]


class EnvironmentMistake(ValueError):
    """A variable is missing or cannot be used; the message names it and what it takes."""


def connections(environment: Mapping[str, str]) -> dict[str, Connection]:
    """Return the connections by id, as `airflow connections import` reads them; raise `EnvironmentMistake`."""
    found = {name: _nexus(environment, role) for name, role in NEXUS_ROLES.items()}
    found["filemaker_default"] = {
        "conn_type": "filemaker",
        "host": _required(environment, "FILEMAKER_URL"),
        "schema": _required(environment, "FILEMAKER_DATABASE"),
        "login": _required(environment, "FILEMAKER_USER"),
        "password": _required(environment, "FILEMAKER_PASSWORD"),
    }
    found["nexus_s3"] = _storage(environment)
    if environment.get("SMTP_ADDRESS"):
        found["smtp_default"] = _mail(environment)
    return found


def _nexus(environment: Mapping[str, str], role: str) -> Connection:
    host, port = address(environment, "NEXUS_DB_ADDRESS")
    return {
        "conn_type": "postgres",
        "host": host,
        "port": port,
        "schema": _required(environment, "NEXUS_DB_NAME"),
        "login": role,
        "password": _required(environment, f"{role.upper()}_PASSWORD"),
        "extra": {"sslmode": environment.get("NEXUS_DB_SSLMODE") or "verify-full"},
    }


def _storage(environment: Mapping[str, str]) -> Connection:
    service = {"bucket_name": _required(environment, "S3_BUCKET")}
    # without an address it is Amazon's own
    if environment.get("S3_ENDPOINT"):
        service["endpoint_url"] = environment["S3_ENDPOINT"]
    return {
        "conn_type": "aws",
        # without keys the machine's own role counts
        "login": environment.get("S3_ACCESS_KEY_ID") or None,
        "password": environment.get("S3_SECRET_ACCESS_KEY") or None,
        "extra": {"region_name": _required(environment, "S3_REGION"), "service_config": {"s3": service}},
    }


def _mail(environment: Mapping[str, str]) -> Connection:
    host, port = address(environment, "SMTP_ADDRESS")
    security = environment.get("SMTP_SECURITY") or "starttls"
    if security not in MAIL_SECURITY:
        raise EnvironmentMistake(f"SMTP_SECURITY is '{security}': it takes {', '.join(MAIL_SECURITY)}.")
    return {
        "conn_type": "smtp",
        "host": host,
        "port": port,
        "login": environment.get("SMTP_USER") or None,
        "password": environment.get("SMTP_PASSWORD") or None,
        "extra": {"timeout": MAIL_TIMEOUT_SECONDS, "retry_limit": 1, **MAIL_SECURITY[security]},
    }


def address(environment: Mapping[str, str], name: str) -> tuple[str, int]:
    """Return host and port of a variable that holds `host:port`."""
    host, _, port = _required(environment, name).rpartition(":")
    if not host or not port.isdecimal():
        raise EnvironmentMistake(f"{name} is not host:port, such as db.example.com:5432.")
    return host, int(port)


def _required(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise EnvironmentMistake(f"{name} is not set. Set it in .env; .env.example says what it is.")
    return environment[name]
