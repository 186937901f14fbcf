"""The doctor's look at Nexus's database: three connections, their rights, and what phase 0 would say of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

import psycopg
from psycopg import Connection

from nexus_import import clock
from nexus_import.core.doctor import Item, bad, good, warning
from nexus_import.doctor.asking import Examination, find_connection, require_type
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.mapping_guard import find_mapping_mistakes
from nexus_import.nexus.rights import find_hold_still_mistake, find_missing, find_too_much, read_server
from nexus_import.nexus.roles import Duty
from nexus_import.nexus.schema_guard import check_schema
from nexus_import.nexus.session import TEXT_OF_VALUES
from nexus_import.nexus.working_copy import check_size
from nexus_import.phases.common import open_session
from nexus_import.settings import Settings, configurations, read_policy

OLDEST_VERSION = 140000
"""pg_read_all_data, which include/sql/grants.sql gives, came with PostgreSQL 14."""
ELSEWHERE = {"rights_are_granted", "tables_hold_still", "connection_is_restricted"}
"""Checks of the guard that have a line of their own here."""
NAMED_FINDINGS = 3
BYTES_PER_GIB = 1024**3
RUN_GRANTS = "run include/sql/grants.sql as a superuser (and grants.NAME.sql of another configuration)"
LOOPBACK = ("127.", "::1", "localhost")


@dataclass
class NexusSide:
    """Looks at the database through each connection of the policy."""

    settings: Settings
    servers: dict[Duty, dict[str, Any]] = field(default_factory=dict)
    ahead_seconds: float | None = None
    _checked: list[CheckResult] = field(default_factory=list)

    @property
    def connections(self) -> dict[Duty, str]:
        """The Airflow connection of each duty."""
        ids = self.settings.policy.connections
        return {"import": ids.nexus, "backup": ids.backup, "restore": ids.restore}

    @cached_property
    def _writable(self) -> set[str]:
        """The tables that any configuration lets the import write: all grants files may have been run."""
        others = [read_policy(name) for name in configurations() if name != self.settings.parameters.configuration]
        return {table for policy in (self.settings.policy, *others) for table in policy.copied_tables}

    def examine(self, examination: Examination) -> None:
        """Look at everything, each thing after what it needs."""
        for duty, name in self.connections.items():
            examination.look(f"connection {name}", partial(self._reach, duty))
        reached = [f"connection {name}" for name in self.connections.values()]
        examination.look("one database", self._one_database, *reached)
        examination.look("database server", self._server, reached[0])
        for (duty, name), line in zip(self.connections.items(), reached, strict=True):
            # what the import may write follows from the mapping
            needs = [line, "mapping files"] if duty == "import" else [line]
            examination.look(f"rights of {name}", partial(self._rights, duty), *needs)
        examination.look("hold_still", self._hold_still, reached[0], "mapping files")
        examination.look("mapping and Nexus", self._mapping, reached[0], "mapping files")
        examination.look("schema guard", self._guard, reached[0], "mapping files")
        examination.look("working copy", self._size, reached[0])

    @contextmanager
    def _open(self, duty: Duty) -> Iterator[Connection[Any]]:
        with open_session(self.connections[duty]) as connection:
            connection.read_only = True
            with connection.transaction():
                yield connection

    def _reach(self, duty: Duty) -> Iterable[Item]:
        connection_id = self.connections[duty]
        name = f"connection {connection_id}"
        if wrong := list(require_type(name, connection_id, "postgres")):
            return wrong
        asked_at = clock.now()
        try:
            with self._open(duty) as connection:
                self.servers[duty] = server = read_server(connection)
        except psycopg.OperationalError as error:
            if error.sqlstate is not None:
                raise
            # what libpq says of a connection it could not make names host, database and role, and no row
            return [bad(name, str(error), f"correct host, port, database, login or password of '{connection_id}'")]
        if duty == "import":
            middle = asked_at + (clock.now() - asked_at) / 2
            self.ahead_seconds = (server["now"] - middle) / timedelta(seconds=1)
        seen = f"PostgreSQL {server['version']}, database {server['database']} as {server['role']}"
        host = getattr(find_connection(connection_id), "host", "") or ""
        if duty == "restore" and server["is_pooled"]:
            fix = "name PostgreSQL's own host and port: a restore needs a session of its own over many transactions"
            return [warning(name, f"{seen}, through a pooler", fix)]
        if server["is_encrypted"] is False and not server["is_pooled"] and not host.startswith(LOOPBACK):
            fix = 'put {"sslmode": "verify-full", "sslrootcert": "/path/of/ca.pem"} into the connection\'s extra'
            return [warning(name, f"{seen}, not encrypted", fix)]
        return [good(name, seen)]

    def _one_database(self) -> Item:
        found = {self.connections[duty]: server["identity"] for duty, server in self.servers.items()}
        if len(set(found.values())) == 1:
            return good("one database", "all three connections come to the same one")
        databases = ", ".join(f"{self.connections[duty]}: {each['database']}" for duty, each in self.servers.items())
        fix = "let all three name the same host, port and database: a backup of another database protects nothing"
        return bad("one database", f"the connections come to different databases ({databases})", fix)

    def _server(self) -> Iterator[Item]:
        server = self.servers["import"]
        with self._open("import") as connection:
            settings = {
                name: str((connection.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",))[0])
                for name in TEXT_OF_VALUES
            }
        wrong = [
            f"{name} is {settings[name]}"
            for name, value in TEXT_OF_VALUES.items()
            # the style of dates is followed by the order of day and month, which plays no part in ISO
            if settings[name].partition(",")[0] != value
        ]
        if server["version_number"] < OLDEST_VERSION:
            fix = "upgrade the server: the import needs PostgreSQL 14 or newer"
            yield bad("database server", f"version {server['version']}", fix)
        elif server["encoding"] != "UTF8":
            fix = "move Nexus into a database with the encoding UTF8: not every name of FileMaker fits into this one"
            yield bad("database server", f"encoding {server['encoding']}", fix)
        elif wrong:
            changes = ", ".join(f"{name} = '{TEXT_OF_VALUES[name]}'" for name in TEXT_OF_VALUES)
            yield bad(
                "database server",
                f"the session's settings do not reach it ({', '.join(wrong)}): a pooler drops them",
                f"ALTER ROLE … SET {changes} for each of the three roles, or connect without the pooler "
                "(docs/operations.md, PgBouncer)",
            )
        else:
            yield good("database server", f"version {server['version']}, encoding {server['encoding']}")

    def _rights(self, duty: Duty) -> Item:
        name = f"rights of {self.connections[duty]}"
        with self._open(duty) as connection:
            missing = list(find_missing(connection, duty))
            if duty == "import":
                missing += _words(self._guarded(connection, "rights_are_granted"))
            too_much = list(find_too_much(connection, duty, self._writable))
        role = self.servers[duty]["role"]
        if too_much:
            fix = f"REVOKE it from {role}, or let the connection log in as nexus_{duty}; then {RUN_GRANTS}"
            return bad(name, f"{role} has rights too many: {'; '.join(too_much)}", fix)
        if missing:
            return bad(name, f"{role} lacks rights: {'; '.join(missing)}", RUN_GRANTS)
        return good(name, f"{role} has what include/sql/grants.sql gives, and no more")

    def _hold_still(self) -> Item:
        with self._open("import") as connection:
            mistake = find_hold_still_mistake(connection)
            unheld = self._guarded(connection, "tables_hold_still")
        if mistake:
            return bad("hold_still", mistake, RUN_GRANTS)
        if unheld and unheld.findings:
            return warning("hold_still", "; ".join(_words(unheld)), unheld.todo)
        return good("hold_still", "tables with ids without a foreign key can be held still during a publish")

    def _mapping(self) -> Item:
        with self._open("import") as connection:
            mistakes = find_mapping_mistakes(connection, list(self.settings.mappings.values()))
        if mistakes:
            said = "\n".join(str(mistake) for mistake in mistakes)
            return bad("mapping and Nexus", said, "correct each line in include/mapping/, or migrate Nexus")
        return good("mapping and Nexus", "every mapped table and column is there, of the right type")

    def _guard(self) -> Iterator[Item]:
        with self._open("import") as connection:
            results = [each for each in self._check(connection) if _short(each) not in ELSEWHERE]
        found = [result for result in results if result.findings]
        for result in found:
            make = bad if result.severity == "stop" else warning
            more = len(result.findings) - NAMED_FINDINGS
            seen = "; ".join(_words(result)[:NAMED_FINDINGS]) + (f"; and {more} more" if more > 0 else "")
            yield make(f"schema guard {_short(result)}", seen, result.todo)
        if not found:
            yield good("schema guard", f"{len(results)} checks of phase 0 hold")

    def _size(self) -> Item:
        limit = self.settings.policy.working_copy_limit_gib
        with self._open("import") as connection:
            size = check_size(connection, self.settings.policy.copied_tables, limit)
        return good(
            "working copy", f"would take {size / BYTES_PER_GIB:.2f} GiB of {limit:g} GiB that the policy allows"
        )

    def _check(self, connection: Connection[Any]) -> list[CheckResult]:
        """Ask what phase 0 asks, once for all lines."""
        settings = self.settings
        if not self._checked:
            self._checked = check_schema(
                connection, settings.data_policy, settings.policy.preserved, settings.imported(), settings.severity
            )
        return self._checked

    def _guarded(self, connection: Connection[Any], check: str) -> CheckResult | None:
        return next((each for each in self._check(connection) if _short(each) == check), None)


def _short(result: CheckResult) -> str:
    return result.check_id.partition("/")[2]


def _words(result: CheckResult | None) -> list[str]:
    return [str(finding.detail or finding.entity) for finding in result.findings] if result else []
