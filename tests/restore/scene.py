"""A Nexus with a backup, and everything a test does to both: real PostgreSQL, real S3, the roles that a clinic has."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from nexus_import.nexus.backup import Backup, next_attempt, record_backup, take_backup
from nexus_import.nexus.journal import create_journal
from nexus_import.nexus.manifest import IMPORT, RESTORE, Manifest, read_manifest
from nexus_import.nexus.restore.planning import Loaded, load_backup, plan_restore
from nexus_import.nexus.restore.records import (
    Restored,
    RestorePlan,
    ensure_journal,
    open_restore,
    record_answer,
    record_choice,
    record_question,
)
from nexus_import.nexus.restore.restoring import restore_backup
from nexus_import.nexus.restore.scope import EVERYTHING, ScopeName
from nexus_import.nexus.session import pin_formats
from nexus_import.settings import Policy, load_policy
from nexus_import.storage import ObjectStore
from psycopg import Connection, sql

from local.nexus_database import BACKUP_ROLE, IMPORT_ROLE, RESTORE_ROLE
from tests.support.installation import BUCKET, Installation, Parts, start_installation

POLICY: Policy = load_policy(Path(__file__).resolve().parents[2] / "include" / "policy.yaml")
OPERATOR = POLICY.operators[0]
IMPORT_RUN = "manual__the-import"


@dataclass
class Scene:
    """One Nexus, its bucket, and a connection of the restore's role."""

    installation: Installation
    store: ObjectStore
    connection: Connection[Any]
    include: Path
    """Where a copy of include/ is made whose policy names the scene's prefix."""

    def back_up(self, run_id: str = IMPORT_RUN, purpose: str = IMPORT) -> Manifest:
        """Take a backup as an import does, and return its manifest."""
        backup = self.save(run_id, purpose)
        return read_manifest(self.connection, self.store, backup.manifest_key)

    def save(self, run_id: str, purpose: str = RESTORE) -> Backup:
        """Take a backup with the backup's role and record it."""
        with psycopg.connect(self.installation.database.uri(BACKUP_ROLE), autocommit=True) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                attempt = next_attempt(connection, self.store, run_id)
                backup = take_backup(connection, self.store, run_id, attempt, [], purpose=purpose)
        record_backup(self.connection, backup)
        return backup

    def load(self, manifest: Manifest, scope: ScopeName = EVERYTHING) -> Loaded:
        """Load a backup beside live Nexus."""
        return load_backup(self.connection, self.store, manifest, scope, POLICY.data_policy())

    def plan(self, loaded: Loaded, run_id: str | None = None) -> RestorePlan:
        """Compare the loaded backup with live Nexus."""
        run_id = run_id or f"manual__{uuid.uuid4().hex}"
        with self.connection.transaction():
            open_restore(self.connection, run_id, OPERATOR, {})
            record_choice(self.connection, run_id, loaded.manifest)
        key = self.store.key("restores", run_id, uuid.uuid4().hex, "differences.csv")
        return plan_restore(self.connection, self.store, loaded, run_id, key)

    def answer(self, plan: RestorePlan, answer: str = "Approve", who: str = OPERATOR) -> None:
        """Ask and answer as a person does."""
        with self.connection.transaction():
            record_question(self.connection, plan)
            record_answer(self.connection, plan.run_id, answer, who)

    def write(self, loaded: Loaded, plan: RestorePlan, *, saves_first: bool = True) -> Restored:
        """Put the loaded backup back."""
        save: Callable[[], Backup] | None = (lambda: self.save(plan.run_id)) if saves_first else None
        return restore_backup(self.connection, loaded, plan, POLICY.operators, save)

    def restore(self, manifest: Manifest, scope: ScopeName = EVERYTHING) -> Restored:
        """Do all of it, approved by an operator."""
        loaded = self.load(manifest, scope)
        plan = self.plan(loaded)
        self.answer(plan)
        return self.write(loaded, plan)

    def dump(self, *, left_out: tuple[str, ...] = ()) -> dict[str, str]:
        """Return a digest of every Nexus table's rows as text, in the order of the text."""
        return {table: hashlib.sha256(b"".join(rows)).hexdigest() for table, rows in self.rows(left_out).items()}

    def rows(self, left_out: tuple[str, ...] = ()) -> dict[str, list[bytes]]:
        """Return every Nexus table's rows as `COPY … TO` writes them, sorted."""
        found = {}
        installation = self.installation
        with (
            installation.database.cluster.connect(installation.database.database) as connection,
            connection.transaction(),
        ):
            pin_formats(connection)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                if table not in left_out:
                    statement = sql.SQL('COPY (SELECT * FROM {} AS t ORDER BY t::text COLLATE "C") TO STDOUT')
                    with connection.cursor().copy(statement.format(sql.Identifier("public", table))) as copy:
                        found[table] = [bytes(block) for block in copy]
        return found

    def execute(self, statement: str, *values: Any) -> None:
        """Run a statement as Nexus itself."""
        self.installation.execute(statement, *values)

    def execute_as_superuser(self, statement: str) -> None:
        """Run a statement that no role of the clinic may."""
        database = self.installation.database
        with database.cluster.connect(database.database) as connection:
            connection.execute(statement.encode())

    def value(self, query: str, *values: Any) -> Any:
        """Return the one value that a query finds."""
        return self.installation.value(query, *values)

    def overwrite(self, key: str, body: bytes) -> None:
        """Put other bytes in the place of an object, as a fault of the store or a person could."""
        self.installation.s3().put_object(Bucket=BUCKET, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.installation.s3().delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def open_scene(installation: Installation) -> Iterator[Scene]:
    """Yield a scene on an installation; its objects have a prefix of their own."""
    store = ObjectStore(installation.s3(), BUCKET, f"restore-{installation.database.database}", "AES256")
    with psycopg.connect(installation.database.uri(IMPORT_ROLE), autocommit=True) as importer, importer.transaction():
        create_journal(importer)
    with psycopg.connect(installation.database.uri(RESTORE_ROLE), autocommit=True) as connection:
        ensure_journal(connection)
        with TemporaryDirectory() as directory:
            yield Scene(installation, store, connection, Path(directory) / "include")


@contextmanager
def start_bare(parts: Parts) -> Iterator[Installation]:
    """Yield an installation whose Nexus has no tables at all: roles, rights and the import's schemas are there."""
    with start_installation(parts) as installation:
        with installation.database.cluster.connect(installation.database.database) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier("public", table)))
        yield installation
