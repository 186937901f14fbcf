"""Where each part of a stack is, and the Airflow connections that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from psycopg.conninfo import conninfo_to_dict

REGION = "us-east-1"


@dataclass
class Addresses:
    """The addresses and credentials of a stack's parts, named as in the environment; empty when unknown.

    Precedence: a part whose address is set in the environment is used as it is; the others are embedded.
    """

    airflow_url: str = ""
    airflow_user: str = ""
    airflow_password: str = ""
    airflow_viewer: str = ""
    airflow_viewer_password: str = ""
    nexus_db_uri: str = ""
    nexus_import_db_uri: str = ""
    nexus_backup_db_uri: str = ""
    nexus_restore_db_uri: str = ""
    filemaker_url: str = ""
    filemaker_database: str = ""
    filemaker_user: str = ""
    filemaker_password: str = ""
    filemaker_control_url: str = ""
    s3_endpoint: str = ""
    s3_bucket: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    mail_dir: str = ""
    clinic_dir: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Addresses:
        """Read the parts that come from outside; the keys of S3 count only together with its address."""
        found = cls(**{each.name: environment.get(each.name.upper(), "") for each in fields(cls)})
        if not found.s3_endpoint:
            found.s3_bucket = found.aws_access_key_id = found.aws_secret_access_key = ""
        found.clinic_dir = ""
        return found

    def environment(self) -> dict[str, str]:
        """Return the addresses under the names of their variables, without the empty ones."""
        values = {each.name.upper(): str(getattr(self, each.name)) for each in fields(self)}
        return {name: value for name, value in values.items() if value}

    def connections(self, smtp_port: int | None) -> dict[str, Mapping[str, object]]:
        """Return Airflow's connections by id; mail only when the sink of this stack takes it."""
        found: dict[str, Mapping[str, object]] = {
            "nexus_db": _postgres(self.nexus_import_db_uri),
            "filemaker_default": {
                "conn_type": "filemaker",
                "host": self.filemaker_url,
                "schema": self.filemaker_database,
                "login": self.filemaker_user,
                "password": self.filemaker_password,
            },
            "nexus_s3": {
                "conn_type": "aws",
                "login": self.aws_access_key_id,
                "password": self.aws_secret_access_key,
                "extra": {
                    "region_name": REGION,
                    "service_config": {"s3": {"endpoint_url": self.s3_endpoint, "bucket_name": self.s3_bucket}},
                },
            },
        }
        if self.nexus_backup_db_uri:
            found["nexus_db_backup"] = _postgres(self.nexus_backup_db_uri)
        if self.nexus_restore_db_uri:
            found["nexus_db_restore"] = _postgres(self.nexus_restore_db_uri)
        if smtp_port is not None:
            found["smtp_default"] = _smtp(smtp_port)
        return found


def _postgres(uri: str) -> dict[str, object]:
    parts = {name: str(value) for name, value in conninfo_to_dict(uri).items() if value is not None}
    return {
        "conn_type": "postgres",
        "host": parts.pop("host", ""),
        "port": int(parts.pop("port", 5432)),
        "schema": parts.pop("dbname", ""),
        "login": parts.pop("user", ""),
        "password": parts.pop("password", ""),
        "extra": parts,
    }


def _smtp(port: int) -> dict[str, object]:
    return {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "nexus-import@clinic.example",
            "timeout": 10,
            "retry_limit": 1,
        },
    }
