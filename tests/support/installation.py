"""A Nexus, a FileMaker and a bucket of a test's own, reached through Airflow connections like any other."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import psycopg
from psycopg import sql

from local.clinic import CONFIGURATION_OF_CLINIC, SEED_CLINIC, load_nexus, make_clinic
from local.network import LOOPBACK, free_ports, is_listening
from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE, RESTORE_ROLE, NexusDatabase
from local.postgres import PostgresCluster
from local.processes import Program, RunningProgram
from local.simulator import Simulator

TEMPLATE = "clinic_template"
BUCKET = "nexus"
SCALE = 0.01
SEED = 7
TODAY = date(2026, 9, 1)
"""The clinic is the same on every day the tests run."""
START_SECONDS = 60.0
TIMES = ["created_at", "updated_at"]


@dataclass(frozen=True)
class Parts:
    """What is started once and shared: the cluster with a template database, the clinic's files, the S3 server."""

    cluster: PostgresCluster
    template: NexusDatabase
    clinic: Path
    s3_url: str


@contextmanager
def start_parts(directory: Path, kind: str = SEED_CLINIC, scale: float = SCALE) -> Iterator[Parts]:
    """Start the shared parts with a small clinic of a kind."""
    clinic = directory / "clinic"
    make_clinic(clinic, kind, scale=scale, seed=SEED, today=TODAY)
    with PostgresCluster(directory / "postgres") as cluster:
        template = NexusDatabase(cluster, TEMPLATE)
        template.create()
        load_nexus(template.uri(), clinic)
        template.grant(CONFIGURATION_OF_CLINIC[kind])
        port = free_ports(1)[0]
        server = Program(
            "s3",
            (
                *(sys.executable, "-m", "local.s3", "--port", str(port)),
                *("--directory", str(directory), "--bucket", BUCKET, "--clinic", str(clinic)),
            ),
            directory / "s3.log",
        )
        running = RunningProgram(server)
        try:
            running.wait_until(lambda: is_listening(port), START_SECONDS)
            yield Parts(cluster, template, clinic, f"http://{LOOPBACK}:{port}")
        finally:
            running.stop()


class Installation:
    """One test's Nexus database, FileMaker simulator and bucket contents."""

    def __init__(self, parts: Parts, database: NexusDatabase, simulator: Simulator) -> None:
        self.parts = parts
        self.database = database
        self.simulator = simulator
        self.truth: dict[str, Any] = json.loads((parts.clinic / "truth.json").read_text())

    def owner(self) -> psycopg.Connection[Any]:
        """Open a connection as Nexus itself: commits each statement."""
        return psycopg.connect(self.database.uri(), autocommit=True)

    def importer(self) -> psycopg.Connection[Any]:
        """Open a connection as the import's role: commits each statement."""
        return psycopg.connect(self.database.uri(IMPORT_ROLE), autocommit=True)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        with self.database.cluster.connect(self.database.database) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """Return the one value a query finds."""
        return self.rows(query, *values)[0][0]

    def execute(self, statement: str, *values: Any) -> None:
        """Run a statement as Nexus itself."""
        with self.owner() as connection:
            connection.execute(statement.encode(), values or None)

    def live(self, *, without_times: bool = False) -> dict[str, str]:
        """Return a digest of every table of live Nexus, if asked without the times when rows were written."""
        row = sql.SQL("to_jsonb(t) - {}::text[]").format(sql.Literal(TIMES)) if without_times else sql.SQL("t")
        with self.database.cluster.connect(self.database.database) as connection:
            tables = connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'")
            query = sql.SQL("SELECT md5(string_agg(({row})::text, '|' ORDER BY ({row})::text)) FROM {table} AS t")
            return {
                name: str(
                    connection.execute(query.format(row=row, table=sql.Identifier("public", name))).fetchall()[0][0]
                )
                for (name,) in tables.fetchall()
            }

    def s3(self) -> Any:
        """Return a client of the S3 server."""
        return boto3.client(
            "s3",
            endpoint_url=self.parts.s3_url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="ap-southeast-2",
        )

    def environment(self, **roles: str) -> dict[str, str]:
        """Return the Airflow connections of this installation as environment variables.

        `roles` let a connection come as another role than it should: NEXUS_DB="nexus" as Nexus's owner.
        """

        def postgres(name: str, role: str) -> dict[str, Any]:
            role = roles.get(name, role)
            cluster = self.database.cluster
            return {
                "conn_type": "postgres",
                "host": LOOPBACK,
                "port": cluster.port,
                "schema": self.database.database,
                "login": role,
                "password": self.database.passwords[role],
            }

        connections = {
            "NEXUS_DB": postgres("NEXUS_DB", IMPORT_ROLE),
            "NEXUS_DB_BACKUP": postgres("NEXUS_DB_BACKUP", BACKUP_ROLE),
            "NEXUS_DB_RESTORE": postgres("NEXUS_DB_RESTORE", RESTORE_ROLE),
            "FILEMAKER_DEFAULT": {
                "conn_type": "filemaker",
                "host": self.simulator.url,
                "schema": self.simulator.database,
                "login": self.simulator.user,
                "password": self.simulator.password,
            },
            "NEXUS_S3": {
                "conn_type": "aws",
                "login": "test",
                "password": "test",
                "extra": {
                    "region_name": "ap-southeast-2",
                    "service_config": {"s3": {"endpoint_url": self.parts.s3_url, "bucket_name": BUCKET}},
                },
            },
        }
        return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()}


def mail_connection(port: int) -> str:
    """Return the Airflow connection of a mail server on this machine."""
    extra = {"disable_ssl": True, "disable_tls": True, "timeout": 2, "retry_limit": 1}
    return json.dumps({"conn_type": "smtp", "host": LOOPBACK, "port": port, "extra": extra})


@contextmanager
def start_installation(parts: Parts, template: str = TEMPLATE) -> Iterator[Installation]:
    """Yield an installation with the clinic as it was before any run, or as another database holds it."""
    name = f"nexus_{uuid.uuid4().hex[:12]}"
    parts.cluster.create_database(name, "nexus", template=template)
    database = NexusDatabase(parts.cluster, name, parts.template.passwords)
    try:
        with Simulator.from_dataset(parts.clinic / "filemaker") as simulator:
            yield Installation(parts, database, simulator)
    finally:
        with parts.cluster.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
