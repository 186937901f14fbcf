"""A run of the DAG's own tasks whose FileMaker records come from memory, and that looks at no files.

The backup is only a manifest; fetching, and the checks of the bucket, are left out. All else is the tasks' own work.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from nexus_import.core.mapping import RowMapper
from nexus_import.nexus.backup import Backup, change_marks, record_backup
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.journal import StepRecord, record_step
from nexus_import.nexus.staging import create_staging_table, lock_staging, read_lookups, stage_records
from nexus_import.phases.common import connect, load_settings, open_store
from psycopg import Connection

from tests.support.installation import Installation, Parts
from tests.support.runs import Run

Fields = dict[str, Any]
LAYOUTS = {
    "patient": "API_Contacts",
    "appointment": "API_Appointments",
    "note": "API_Notes",
    "letter": "API_Letters",
    "reminder": "API_Reminders",
    "document": "API_Docs",
    "image": "API_Images",
}
LAST_TASK = "publish.verify_live"
"""Where a run ends that needs no report."""


class FileMaker:
    """The clinic's records by entity and id, to be changed by a test before a run reads them."""

    def __init__(self, parts: Parts) -> None:
        self._records: dict[str, dict[str, tuple[str, Fields]]] = {}
        for entity, layout in LAYOUTS.items():
            content = json.loads((parts.clinic / "filemaker" / f"{quote(layout)}.json").read_text())
            self._records[entity] = {
                record["fieldData"]["id"]: (record["recordId"], record["fieldData"]) for record in content["records"]
            }

    def ids(self, entity: str) -> list[str]:
        """Return the ids of an entity's records."""
        return list(self._records[entity])

    def fields(self, entity: str, key: str) -> Fields:
        """Return a record's fields; changing them changes the record."""
        return self._records[entity][key][1]

    def add_like(self, entity: str, model: str, **fields: Any) -> str:
        """Add a record with another record's values but for those given; return its id."""
        number = len(self._records[entity]) + 1
        key = f"{'ABCDEF'[list(LAYOUTS).index(entity) % 6]}0000000-0000-4000-8000-{number:012d}"
        made = copy.deepcopy(self.fields(entity, model)) | {"id": key} | fields
        self._records[entity][key] = (str(900_000 + number), made)
        return key

    def remove(self, entity: str, key: str) -> None:
        """Delete a record."""
        del self._records[entity][key]

    def of_patient(self, entity: str, patient: str) -> list[str]:
        """Return the ids of a patient's records."""
        return [key for key, (_, fields) in self._records[entity].items() if fields["patient_id"] == patient]

    def remove_patient(self, patient: str) -> None:
        """Delete a patient's record with everything FileMaker has about the patient."""
        for entity in LAYOUTS:
            if entity != "patient":
                for key in self.of_patient(entity, patient):
                    self.remove(entity, key)
        self.remove("patient", patient)

    def read(self, entity: str) -> list[tuple[str, str, Fields]]:
        """Return the records as a snapshot does."""
        return [(record_id, "0", fields) for record_id, fields in self._records[entity].values()]


@dataclass
class QuickRun(Run):
    """A run that reads `filemaker`; see the module."""

    filemaker: FileMaker = field(kw_only=True)

    def _call(self, task: Any) -> Any:
        name = task.task_id.removeprefix("phase_0_validate.")
        stubs: dict[str, Callable[[Connection[Any]], None]] = {
            "back_up_database": self._back_up,
            "stage_records": self._stage,
            "phase_8_validate.check_files": lambda connection: self._record(connection, "check_files"),
        }
        if name in stubs:
            with connect(load_settings().policy.connections.nexus) as connection, connection.transaction():
                stubs[name](connection)
            return {"failed_count": 0}
        if name == "verify_filemaker" or name.startswith("fetch_"):
            return {}
        return super()._call(task)

    def _back_up(self, connection: Connection[Any]) -> None:
        settings = load_settings()
        store = open_store(settings)
        stored = store.put_json(store.key("backups", self.run_id, "001", "manifest.json"), {"tables": []})
        marks = change_marks(connection, settings.policy.copied_tables)
        record_backup(connection, Backup(self.run_id, 1, stored.key, stored.sha256, 1, 1, 1, marks))
        self._record(connection, "back_up")

    def _stage(self, connection: Connection[Any]) -> None:
        settings = load_settings()
        lock_staging(connection, self.run_id)
        for entity, mapping in settings.mappings.items():
            types = {column.name: column.type for column in read_columns(connection, mapping.table or "")}
            kinds = {name: other.key_is for name, other in settings.mappings.items()}
            mapper = RowMapper(mapping, read_lookups(connection, mapping.aliases), settings.policy.zone, types, kinds)
            create_staging_table(connection, mapping)
            _, findings = stage_records(connection, mapper, self.filemaker.read(entity))
            assert findings == []
        self._record(connection, "stage")

    def _record(self, connection: Connection[Any], name: str) -> None:
        record_step(connection, StepRecord(self.run_id, name, f"task.{name}", 1, datetime.now(UTC)))


QuickRuns = Callable[..., QuickRun]
"""`quick_run(mode="publish", nexus_only="keep")` makes a run of the test's installation."""


def make_quick_run(
    installation: Installation,
    dag: Any,
    filemaker: FileMaker,
    mode: str = "publish",
    nexus_only: str = "keep",
) -> QuickRun:
    """Return a run that has not begun."""
    parameters = {"mode": mode, "approval": "when_unusual", "nexus_only": nexus_only}
    return QuickRun(installation, dag, parameters, filemaker=filemaker)
