"""Rows of live Nexus that FileMaker does not hold, born of it or never known to it, and what became of them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from nexus_import.nexus.catalog import read_all_tables
from nexus_import.nexus.links import Kind, Link

from tests.nexus import live_rows
from tests.nexus.manual_run import POLICY
from tests.support.installation import Installation
from tests.support.runs import Run

Rows = dict[str, str]
"""Row id -> the row as text."""


def lose_patient(installation: Installation, **columns: Any) -> str:
    """Add a patient that came from FileMaker and that FileMaker no longer has; return the id."""
    metadata = json.dumps({"filemaker_id": str(uuid.uuid4()).upper()})
    return live_rows.add_patient(installation, filemaker_metadata=metadata, **columns)


def lose_appointment(installation: Installation, patient_id: str | None, **columns: Any) -> str:
    """Add an appointment that came from FileMaker and that FileMaker no longer has; return the id."""
    return live_rows.add_appointment(installation, patient_id, filemaker_event_id=str(uuid.uuid4()), **columns)


def lose_note(installation: Installation, patient_id: str, content: str = "x", published: str = "x") -> str:
    """Add a note that came from FileMaker with the text `published`, and that FileMaker no longer has."""
    note = live_rows.add_note(installation, patient_id, content)
    remember(installation, "note", note, str(uuid.uuid4()), published)
    return note


def remember(installation: Installation, entity: str, row: str, filemaker_id: str, published: str) -> None:
    """Let the import remember that it published this note."""
    with installation.importer() as connection:
        connection.execute(
            "INSERT INTO nexus_import.identity VALUES (%s, %s, %s, 'new')", (entity, filemaker_id.lower(), row)
        )
        connection.execute(
            "INSERT INTO nexus_import.published_row VALUES ('notes', %s, jsonb_build_object('content', md5(%s)))",
            (row, published),
        )


def add_like(installation: Installation, table: str, **columns: Any) -> str:
    """Add a row like the table's first one, or an empty one, but for `columns` and for what must be unique."""
    row: dict[str, Any] = {}
    for (found,) in installation.rows(f"SELECT to_jsonb(t) FROM {table} AS t ORDER BY 1 LIMIT 1"):
        row = found
    for unique, last, is_uuid in _unique_columns(installation, table):
        if row.get(last) is not None and not columns.keys() & set(unique):
            row[last] = None if is_uuid else uuid.uuid4().hex
    if isinstance(row.get("id"), int):
        row["id"] = installation.value(f"SELECT max(id) + 1 FROM {table}")
    elif "id" in row or not row:
        row["id"] = str(uuid.uuid4())
    row |= columns
    names = ", ".join(f'"{name}"' for name in row)
    installation.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)",
        json.dumps(row, default=str),
    )
    return str(row["id"])


def _unique_columns(installation: Installation, table: str) -> list[tuple[list[str], str, bool]]:
    """Return the columns of every unique index but the primary key, the last of them, and whether that is no text."""
    return installation.rows(
        "SELECT array_agg(attname::text), (array_agg(attname::text ORDER BY attnum DESC))[1],"
        " (array_agg(attlen > 0 ORDER BY attnum DESC))[1]"
        " FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
        " WHERE indrelid = %s::regclass AND indisunique AND NOT indisprimary GROUP BY indexrelid",
        table,
    )


def refer(installation: Installation, link: Link, parent_id: str, **columns: Any) -> str:
    """Add a row that refers by this link to a row; return its id."""
    parent = link.parent_table
    values = {
        own: installation.value(f"SELECT {other} FROM {parent} WHERE id = %s", parent_id)
        for own, other in zip(link.columns, link.parent_columns, strict=True)
    }
    if link.kind is Kind.GENERIC:
        app_label, _, model = str(link.model).partition(".")
        values[str(link.type_column)] = installation.value(
            "SELECT id FROM django_content_type WHERE app_label = %s AND model = %s", app_label, model
        )
    return add_like(installation, link.table, **(values | columns))


def dump(installation: Installation) -> dict[str, Rows]:
    """Return every row of every table of live Nexus."""
    with installation.owner() as connection:
        tables = read_all_tables(connection)
    return {
        table: dict(installation.rows(f"SELECT to_jsonb(t) ->> 'id', t::text FROM {table} AS t")) for table in tables
    }


def outside_the_mapped(tables: dict[str, Rows]) -> dict[str, Rows]:
    """Return the tables that no phase works on."""
    return {table: rows for table, rows in tables.items() if table not in POLICY.data_policy().worked_tables}


def fates(run: Run, table: str) -> dict[str, tuple[str, str, str | None]]:
    """Return (fate, reason, detail) of the table's rows by id."""
    rows = run.installation.rows(
        "SELECT row_id::text, fate, reason, detail FROM nexus_work.fate WHERE table_name = %s", table
    )
    return {row_id: (fate, reason, detail) for row_id, fate, reason, detail in rows}


def planned(run: Run, action: str) -> dict[str, set[str]]:
    """Return the ids of the latest plan's rows with this action, by table."""
    found: dict[str, set[str]] = {}
    for table, row_id in run.installation.rows(
        "SELECT table_name, row_id::text FROM nexus_import.plan_row WHERE action = %s AND plan_id ="
        " (SELECT max(plan_id) FROM nexus_import.plan WHERE run_id = %s)",
        action,
        run.run_id,
    ):
        found.setdefault(table, set()).add(row_id)
    return found


def removed(run: Run) -> dict[str, set[str]]:
    """Return the rows that phase 2 decided to remove, by table."""
    found: dict[str, set[str]] = {}
    for table, row_id in run.installation.rows(
        "SELECT table_name, row_id::text FROM nexus_work.fate WHERE fate = 'removed'"
    ):
        found.setdefault(table, set()).add(row_id)
    return found


def approve(run: Run) -> None:
    """Answer the question about the run's plan as an operator would."""
    run.go(until="publish.decide")
    assert run.results["publish.decide"] == "publish.approve_plan"
    with run.installation.importer() as connection:
        connection.execute(
            "INSERT INTO nexus_import.approval (run_id, plan_digest, answer, answered_at, answered_by)"
            " SELECT run_id, digest, 'Approve', clock_timestamp(), 'admin' FROM nexus_import.plan WHERE run_id = %s"
            " ORDER BY plan_id DESC LIMIT 1",
            (run.run_id,),
        )
    run.states["publish.approve_plan"] = "success"
