"""The Nexus database of the embedded stack: roles, schema, the clinic's rows, and the import's rights."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

import psycopg

from local.clinic import create_schema
from local.postgres import PostgresCluster

REPOSITORY = Path(__file__).resolve().parents[1]
GRANTS_FILE = REPOSITORY / "include" / "sql" / "grants.sql"
DATABASE = "nexus"
OWNER = "nexus"
IMPORT_ROLE = "nexus_import"
BACKUP_ROLE = "nexus_backup"
RESTORE_ROLE = "nexus_restore"
ROLES = (OWNER, IMPORT_ROLE, BACKUP_ROLE, RESTORE_ROLE)


@dataclass(frozen=True)
class NexusDatabase:
    """A database `nexus` in a cluster, with one login role per duty and a password for each."""

    cluster: PostgresCluster
    database: str = DATABASE
    passwords: dict[str, str] = field(default_factory=lambda: {role: token_urlsafe(18) for role in ROLES}, repr=False)

    def uri(self, role: str = OWNER) -> str:
        """Return the address for one of the roles."""
        return self.cluster.uri(self.database, role, self.passwords[role])

    def create(self) -> None:
        """Create the roles, the database and Nexus's tables, which belong to the owner role."""
        for role, password in self.passwords.items():
            self.cluster.create_role(role, password)
        self.cluster.create_database(self.database, OWNER)
        create_schema(self.uri())

    def grant(self, configuration: str | None = None) -> None:
        """Create the import's own schemas and give its roles their rights, as the cluster's superuser.

        A configuration of the import may need more than the default.
        """
        files = [GRANTS_FILE, *([GRANTS_FILE.with_suffix(f".{configuration}.sql")] if configuration else [])]
        with psycopg.connect(self.cluster.uri(self.database)) as connection:
            for file in files:
                connection.execute(file.read_bytes())
