"""The requirement's own algorithm with Django's ORM, as its code shows it: a query for each look-up, row by row.

Runs in the bench's own venv: `python -m bench.seed_algorithm` with one line of JSON on standard input (`uri`,
`clinic`, `sample`: how many records of each loop, null for all); answers with seconds and counts as JSON. Notes are
left out, and FileMaker's records come from a file: both are in the algorithm's favour.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

CORE = ("patients", "appointments", "documents_document", "images_batch", "clinics", "clinicians", "appointment_types",
        "funding_sources")  # fmt: skip
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_identity FROM information_schema.columns"
    " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
)
KEYS = (
    "SELECT conrelid::regclass::text, attname, confrelid::regclass::text FROM pg_constraint"
    " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
    " WHERE contype = 'f' AND cardinality(conkey) = 1 AND connamespace = 'public'::regnamespace"
)


def make_models(uri: str) -> dict[str, Any]:
    """Return a Django model for each table that reaches patients, or that patients and appointments need."""
    import django
    from django.conf import settings

    parts = urlsplit(uri)
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username,
                "PASSWORD": parts.password, "HOST": parts.hostname, "PORT": parts.port}  # fmt: skip
    settings.configure(DATABASES={"default": database}, USE_TZ=True, INSTALLED_APPS=["bench"])
    django.setup()
    from django.db import connection, models

    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        columns = cursor.fetchall()
        cursor.execute(KEYS)
        keys = {(table, column): parent for table, column, parent in cursor.fetchall()}
    wanted = set(CORE)
    while more := {table for (table, _), parent in keys.items() if parent in wanted - set(CORE[2:])} - wanted:
        wanted |= more
    kinds = {"uuid": models.UUIDField, "jsonb": models.JSONField, "boolean": models.BooleanField,
             "timestamp with time zone": models.DateTimeField, "date": models.DateField,
             "integer": models.IntegerField, "bigint": models.BigIntegerField}  # fmt: skip
    fields: dict[str, dict[str, Any]] = {table: {} for table in sorted(wanted)}
    for table, column, kind, is_identity in columns:
        if table not in wanted:
            continue
        parent = keys.get((table, column))
        if column == "id":
            made = models.AutoField(primary_key=True) if is_identity == "YES" else models.UUIDField(primary_key=True)
        elif parent in wanted:
            made = models.ForeignKey(
                f"bench.{_class(parent)}", models.CASCADE, db_column=column, null=True, related_name="+"
            )
        else:
            made = kinds.get(kind, models.TextField)(null=True, db_column=column)
        fields[table][column.removesuffix("_id") if parent in wanted else column] = made
    made_models = {}
    for table, named in fields.items():
        meta = type("Meta", (), {"app_label": "bench", "db_table": table, "managed": False})
        made_models[table] = type(_class(table), (models.Model,), {**named, "Meta": meta, "__module__": __name__})
    return made_models


def _class(table: str) -> str:
    return "".join(part.title() for part in table.split("_"))


class Seed:
    """The phases, each timed over `sample` records and scaled to all of them when there are more."""

    def __init__(self, models: dict[str, Any], clinic: Path, sample: int | None) -> None:
        self.models, self.clinic, self.sample = models, clinic, sample
        self.seconds: dict[str, float] = {}

    def records(self, layout: str) -> list[dict[str, Any]]:
        """Return the fields of a layout's records."""
        content = json.loads((self.clinic / "filemaker" / f"{layout}.json").read_text())
        return [record["fieldData"] for record in content["records"]]

    def timed(self, name: str, items: list[Any]) -> Iterator[Any]:
        """Yield the items of a phase's loop, and keep its time."""
        begun, count = perf_counter(), 0
        for item in islice(items, self.sample):
            yield item
            count += 1
        self.seconds[name] = (perf_counter() - begun) * (len(items) / count if count else 1)

    def patient_of(self, filemaker_id: str) -> Any:
        """Find a patient as the requirement does."""
        return self.models["patients"].objects.filter(filemaker_metadata__filemaker_id=filemaker_id).first()

    def run(self) -> None:
        """Run phases 2, 3, 4, 6 and 7."""
        begun = perf_counter()
        self.models["patients"].objects.all().delete()
        self.seconds["delete"] = perf_counter() - begun
        for record in self.timed("patients", self.records("API_Contacts")):
            self.add_patient(record)
        for record in self.timed("appointments", self.records("API_Appointments")):
            self.add_appointment(record)
        self.relink("documents", list(self.models["documents_document"].objects.filter(filemaker_id__isnull=False)),
                    "filemaker_metadata")  # fmt: skip
        self.relink("batches", list(self.models["images_batch"].objects.all()), "metadata")

    def add_patient(self, record: dict[str, Any]) -> None:
        """Phase 3."""
        now, funding = datetime.now(UTC), record["funding_type"]
        self.models["patients"].objects.create(
            id=uuid.uuid4(),
            first_name=record["nameFirst"],
            last_name=record["nameLast"],
            clinic=self.models["clinics"].objects.get(name=record["clinic_name"]),
            funding_type=self.models["funding_sources"].objects.get(name=funding) if funding else None,
            filemaker_metadata={"filemaker_id": record["id"]},
            archived=False, created_at=now, updated_at=now,
        )  # fmt: skip

    def add_appointment(self, record: dict[str, Any]) -> None:
        """Phase 4."""
        now = datetime.now(UTC)
        start = datetime.strptime(f"{record['startDate']} {record['startTime']}", "%m/%d/%Y %H:%M:%S")
        self.models["appointments"].objects.create(
            id=uuid.uuid4(),
            filemaker_event_id=record["id"],
            patient=self.patient_of(record["patient_id"]),
            clinic=self.models["clinics"].objects.get(name=record["clinic_name"]),
            clinician=self.models["clinicians"].objects.get(full_name=record["clinician_name"]),
            appointment_type=self.models["appointment_types"].objects.get(name=record["appointment_type"]),
            start_time=start.replace(tzinfo=UTC), status="scheduled", notes=record["note"], billing_notes="",
            needs_followup_reminder=False, followup_scheduled=False, is_recurring=False, invoice_contact_type="patient",
            sms_confirmed=False, sms_cancelled=False, created_at=now, updated_at=now,
        )  # fmt: skip

    def relink(self, name: str, rows: list[Any], column: str) -> None:
        """Phases 6 and 7; Nexus keeps the requirement's `patient` of a document as a generic link."""
        for row in self.timed(name, rows):
            filemaker_id = (getattr(row, column) or {}).get("filemaker_patient_id")
            patient = self.patient_of(filemaker_id) if filemaker_id else None
            if patient:
                row.object_id = patient.id
                row.save(update_fields=["object_id"])


def main() -> None:
    """Run it and answer."""
    order = json.loads(sys.stdin.readline())
    seed = Seed(make_models(order["uri"]), Path(order["clinic"]), order["sample"])
    seed.run()
    print(json.dumps({"seconds": seed.seconds}))


if __name__ == "__main__":
    main()
