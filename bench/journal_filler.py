"""A journal as after years: runs with their steps, checks, findings, plans and answers, all made up, ids only."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Json, Jsonb

NEWEST = datetime(2026, 9, 1, 1, tzinfo=UTC)
CLINICS = ("Newcastle", "Maitland", "Lake Macquarie", None)
GROUPS = {
    "phase_0_validate": ("back_up", "stage", "check_completeness", "check_system_config", "gate_0"),
    "phase_1_preserve": ("preserve",),
    "phase_2_delete": ("delete", "check_2", "gate_2"),
    "phase_3_patients": ("import_patients", "check_3", "gate_3"),
    "phase_4_appointments": ("import_appointments", "check_4", "gate_4"),
    "phase_5_notes": ("find_records", "gate_5"),
    "phase_6_documents": ("relink_documents", "check_6", "gate_6"),
    "phase_7_images": ("relink_batches", "check_7", "gate_7"),
    "phase_8_validate": ("check_8", "check_files", "gate_8"),
    "publish": ("plan", "publish"),
}
CHECKS = tuple(f"phase_{phase}/rule_{number}" for phase in (0, 2, 3, 4, 5, 6, 7, 8) for number in range(10))
ENTITIES = {"patient": 2842, "appointment": 9830, "note": 4120, "document": 10190, "image": 6574}
TABLES = ("patients", "appointments", "notes", "letters_patientletter", "reminders", "documents_document")


def run_name(number: int) -> str:
    """Return the id of a run; 0 is the newest."""
    return f"manual__{NEWEST - timedelta(days=number):%Y-%m-%dT%H:%M:%S}+00:00"


def fill(connection: Connection[Any], run_count: int, finding_count: int, plan_rows: int = 0) -> None:
    """Fill an empty journal with runs; the newest two have `finding_count` findings each, nearly the same ones."""
    dice = random.Random(run_count)
    for number in range(run_count):
        _run(connection, number, finding_count if number < 2 else 0, dice)
    with connection.cursor().copy(
        "COPY nexus_import.finding (run_id, check_id, severity, entity, record_id, filemaker_id, field, layout, clinic)"
        " FROM STDIN"
    ) as copy:
        for number in range(min(run_count, 2)):
            for row in _findings(run_name(number), number * 100, finding_count):
                copy.write_row(row)
    plan = connection.execute("SELECT plan_id FROM nexus_import.plan WHERE run_id = %s", (run_name(0),)).fetchall()
    with connection.cursor().copy(
        "COPY nexus_import.plan_row (plan_id, table_name, row_id, action, changed_columns, overwritten_columns)"
        " FROM STDIN"
    ) as copy:
        for number in range(plan_rows):
            row_id = uuid.UUID(int=dice.getrandbits(128))
            copy.write_row((plan[0][0], TABLES[number % 6], row_id, "change", ["title", "email"], []))
    for table in ("run", "step", "check_result", "finding", "plan", "plan_row", "balance"):
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("nexus_import", table)))


def _findings(run_id: str, first: int, count: int) -> Iterator[tuple[Any, ...]]:
    for number in range(first, first + count):
        check = CHECKS[number % 10]
        key = str(uuid.UUID(int=number))
        yield run_id, check, "stop", "patient", str(number), key, "clinic_name", "API_Contacts", CLINICS[number % 4]


def _run(connection: Connection[Any], number: int, finding_count: int, dice: random.Random) -> None:
    run_id, started = run_name(number), NEWEST - timedelta(days=number)
    state = "published" if number else "rehearsed"
    connection.execute(
        "INSERT INTO nexus_import.run (run_id, started_at, trigger_kind, triggered_by, parameters, state, verdict,"
        " closed_at) VALUES (%s, %s, 'manual', 'admin', %s, %s, %s, %s)",
        (
            run_id,
            started,
            Jsonb({"mode": "rehearse", "approval": "when_unusual", "nexus_only": "keep"}),
            state,
            "Rehearsed: the plan was made, live Nexus is unchanged"
            if state == "rehearsed"
            else "Published and verified",
            started + timedelta(minutes=4),
        ),
    )
    connection.execute(
        "INSERT INTO nexus_import.attempt (run_id, at, trigger_kind, requested_by, parameters)"
        " VALUES (%s, %s, 'manual', 'admin', '{}')",
        (run_id, started),
    )
    _steps(connection, run_id, started, dice)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO nexus_import.check_result (run_id, check_id, title, severity, finding_count, allowed_count,"
            " is_passed, sentence) VALUES (%s, %s, %s, 'stop', %s, 0, true, '')",
            [
                (run_id, check, f"Rule {check} holds", finding_count // 10 if index < 10 else 0)
                for index, check in enumerate(CHECKS)
            ],
        )
        cursor.executemany(
            "INSERT INTO nexus_import.balance (run_id, entity, what, record_count) VALUES (%s, %s, %s, %s)",
            [
                (run_id, entity, what, value)
                for entity, read in ENTITIES.items()
                for what, value in (
                    ("read", read),
                    ("created", 12),
                    ("updated", 30),
                    ("unchanged", read - 45),
                    ("skipped", 3),
                )
            ],
        )
    connection.execute(
        "INSERT INTO nexus_import.backup (run_id, attempt, taken_at, manifest_key, manifest_sha256, table_count,"
        " row_count, byte_count, change_marks) VALUES (%s, 1, %s, %s, %s, 45, 90000, 12345678, '{}')",
        (run_id, started, f"nexus-import/backups/{run_id}/001/manifest.json", f"{dice.getrandbits(256):064x}"),
    )
    counts = {table: {"add": 12, "change": dice.randrange(60), "remove": 0} for table in TABLES}
    tables = [
        {
            "table": table,
            "added": c["add"],
            "changed": c["change"],
            "removed": 0,
            "unchanged": 2000,
            "columns": {"title": 9},
        }
        for table, c in counts.items()
    ]
    connection.execute(
        "INSERT INTO nexus_import.plan (run_id, made_at, digest, counts, unusual, summary)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (run_id, started, f"digest {number}", Json(counts), Jsonb([]), json.dumps({"tables": tables, "fates": []})),
    )


def _steps(connection: Connection[Any], run_id: str, started: datetime, dice: random.Random) -> None:
    rows, at = [], started
    for group, names in GROUPS.items():
        for name in names:
            ended = at + timedelta(seconds=dice.uniform(0.5, 12))
            rows.append((run_id, name, f"{group}.{name}", at, ended, dice.randrange(3000)))
            at = ended
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO nexus_import.step (run_id, name, task_id, try_number, started_at, finished_at, passed,"
            " record_count, error_count, counts) VALUES (%s, %s, %s, 1, %s, %s, true, %s, 0, '{}')",
            rows,
        )
