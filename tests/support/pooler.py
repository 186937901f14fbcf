"""PgBouncer in transaction mode before a cluster, with TLS: each transaction may meet another server process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.network import LOOPBACK, free_ports, is_listening
from local.postgres import PostgresCluster
from local.processes import Program, RunningProgram
from tests.filemaker.certificates import make_certificate

START_SECONDS = 30.0
STATISTICS = "statistics"
SETTINGS = """[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = {host}
listen_port = {own_port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = 4
min_pool_size = 2
server_round_robin = 1
ignore_startup_parameters = extra_float_digits{ignored}
stats_users = {statistics}
client_tls_sslmode = require
client_tls_cert_file = {certificate}
client_tls_key_file = {key}
logfile = {log}
"""


def find_pooler() -> str | None:
    """Return the path of the program, None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer; `ca_file` is what its certificate is checked against."""

    port: int
    ca_file: Path

    def transactions(self) -> dict[str, int]:
        """Return how many transactions went through, by database."""
        address = f"postgresql://{STATISTICS}:{STATISTICS}@{LOOPBACK}:{self.port}/pgbouncer?sslmode=require"
        # its console knows the simple protocol alone
        with psycopg.connect(address, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            cursor = connection.execute("SHOW STATS_TOTALS")
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return {row["database"]: int(row["xact_count"]) for row in rows}


@contextmanager
def start_pooler(
    directory: Path, cluster: PostgresCluster, passwords: dict[str, str], *, drops_options: bool = True
) -> Iterator[Pooler]:
    """Run PgBouncer before a cluster; without `drops_options` it refuses what a session asks for at its start."""
    program = find_pooler()
    assert program is not None
    port = free_ports(1)[0]
    certificate, key = make_certificate(directory / "tls")
    users = directory / "users.txt"
    known = passwords | {STATISTICS: STATISTICS}
    users.write_text("".join(f'"{name}" "{password}"\n' for name, password in known.items()))
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(
            host=LOOPBACK,
            port=cluster.port,
            own_port=port,
            users=users,
            ignored=", options" if drops_options else "",
            statistics=STATISTICS,
            certificate=certificate,
            key=key,
            log=directory / "pgbouncer.log",
        )
    )
    # it refuses to be root, as PostgreSQL does
    command = cluster.as_server_user(program, str(settings))
    running = RunningProgram(Program("pgbouncer", command, directory / "pgbouncer.out"))
    try:
        running.wait_until(lambda: is_listening(port), START_SECONDS)
        yield Pooler(port, certificate)
    finally:
        running.stop()
