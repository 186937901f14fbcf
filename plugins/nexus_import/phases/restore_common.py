"""What the tasks of a restore share: the restore's own connection, its parameters, its log lines."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import get_current_context
from psycopg import Connection

from nexus_import.core import progress
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.manifest import Manifest, read_manifest
from nexus_import.nexus.publications import Published, read_publications
from nexus_import.nexus.restore.records import RestoreRun, read_restore_run
from nexus_import.nexus.roles import require_restricted
from nexus_import.phases.common import Counts, connect, journalled_failure, open_store, read_parameters
from nexus_import.settings import Parameters, RestoreParameters, Settings, read_policy
from nexus_import.storage import ObjectStore

log = logging.getLogger("nexus_import")
PHASE = "Restore"
CHOOSE_AGAIN = "Clear backup.choose_backup with downstream."
COMPARE_AGAIN = "Clear compare.compare_with_live with downstream."


def load_restore_settings() -> tuple[Settings, RestoreParameters]:
    """Return the policy, and the parameters of the running restore."""
    chosen = RestoreParameters.load(read_parameters(set(RestoreParameters.model_fields)))
    return Settings(read_policy(chosen.configuration), Parameters(configuration=chosen.configuration)), chosen


@dataclass
class RestoreTask:
    """One task of a restore at work; `connection` is the restore's role and commits each statement by itself."""

    connection: Connection[Any]
    settings: Settings
    parameters: RestoreParameters
    store: ObjectStore
    run_id: str
    counts: Counts = field(default_factory=dict)
    summary: str = ""

    @property
    def is_undo(self) -> bool:
        """Tell whether a publish is undone, and not a backup restored."""
        return self.parameters.undo is not None

    def finish(self, summary: str, **counts: int) -> None:
        """Say what was done; `counts` become the XCom."""
        self.summary = summary
        self.counts |= counts

    def run(self) -> RestoreRun:
        """Return this run as the journal has it."""
        run = read_restore_run(self.connection, self.run_id)
        if run is None:
            raise RestoreRefused("The journal does not know this run. Clear start.record_attempt with downstream.")
        return run

    def manifest(self) -> Manifest:
        """Return the manifest of the chosen backup, as it was when it was chosen."""
        run = self.run()
        if run.manifest_key is None:
            raise RestoreRefused(f"No backup was chosen. {CHOOSE_AGAIN}")
        manifest = read_manifest(self.connection, self.store, run.manifest_key)
        if manifest.sha256 != run.manifest_sha256:
            raise RestoreRefused(f"The manifest of the backup changed since the backup was chosen. {CHOOSE_AGAIN}")
        return manifest

    def published(self) -> Published:
        """Return the publish that was chosen to be undone, as it is now."""
        plan_id = self.run().undone_plan_id
        chosen = next((entry for entry in read_publications(self.connection) if entry.plan_id == plan_id), None)
        if chosen is None:
            raise RestoreRefused(f"No publish was chosen. {CHOOSE_AGAIN}")
        return chosen


@contextmanager
def open_restore_task(what: str, undo: str | None = None) -> Iterator[RestoreTask]:
    """Run a task's body with the restore's connection; an error's sentence goes to the journal for the verdict.

    `what` says what it does, `undo` what it does where a publish is undone, if that is something else.
    """
    settings, parameters = load_restore_settings()
    started = time.monotonic()
    log.info("::group::%s", PHASE)
    log.info(progress.starting(PHASE, undo if undo and parameters.undo else what))
    with journalled_failure(settings), connect(settings.policy.connections.restore) as connection:
        require_restricted(connection, "restore")
        run_id = get_current_context()["run_id"]
        task = RestoreTask(connection, settings, parameters, open_store(settings), run_id)
        yield task
    log.info(progress.done(PHASE, task.summary, 0, time.monotonic() - started))
    log.info("::endgroup::")
