"""Findings in the journal: written by the checks, placed at a clinic, and read again for the people who mend them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import class_row

from nexus_import.core.finding_lines import FindingLine
from nexus_import.core.mapping import EntityMapping
from nexus_import.core.relaxation import Relaxation
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.sql import compose

CLINICS = "clinics"


def record_results(
    connection: Connection[Any], run_id: str, results: list[CheckResult], mappings: Mapping[str, EntityMapping]
) -> None:
    """Replace what these checks found earlier in the run by what they found now."""
    ids = [result.check_id for result in results]
    forget_results(connection, run_id, ids)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO nexus_import.check_result (run_id, check_id, title, severity, finding_count, allowed_count,"
            " is_passed, sentence, todo) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [_check_row(run_id, result) for result in results],
        )
        cursor.executemany(
            "INSERT INTO nexus_import.relaxation (run_id, check_id, what, decided_by, finding_count, allowed_count)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (run_id, used.check_id, used.what, used.decided_by, used.finding_count, used.allowed)
                for used in relaxations_of(results)
            ],
        )
    _copy_findings(connection, run_id, results, SourceNames(mappings))
    _name_clinics(connection, run_id, ids, mappings)


def forget_results(connection: Connection[Any], run_id: str, check_ids: list[str]) -> None:
    """Remove what these checks found earlier in the run."""
    for table in ("finding", "check_result", "relaxation"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE run_id = %s AND check_id = ANY(%s)").format(
                sql.Identifier("nexus_import", table)
            ),
            (run_id, check_ids),
        )


def relaxations_of(results: Iterable[CheckResult]) -> list[Relaxation]:
    """Return what the policy let pass in these results."""
    return [result.relaxation for result in results if result.relaxation]


def read_relaxations(connection: Connection[Any], run_id: str) -> list[Relaxation]:
    """Return what the policy let pass in the run, by check."""
    rows = connection.execute(
        "SELECT check_id, what, finding_count, allowed_count FROM nexus_import.relaxation WHERE run_id = %s"
        " ORDER BY check_id, what",
        (run_id,),
    )
    return [Relaxation(*row) for row in rows]


def read_finding_lines(connection: Connection[Any], run_id: str) -> list[FindingLine]:
    """Return the run's findings, each new or still open, and those of earlier runs that are fixed.

    Each check is compared with the newest earlier run that ran it.
    """
    with connection.cursor(row_factory=class_row(FindingLine)) as cursor:
        return cursor.execute(compose_compared("compare_findings"), {"run_id": run_id, "check_ids": None}).fetchall()


def compose_compared(name: str, **parts: sql.Composable) -> sql.Composed:
    """Return a statement of `include/sql/report` about the findings of a run, compared with those before it."""
    return compose(f"report/{name}.sql", compared=compose("report/compared_findings.sql"), **parts)


def _check_row(run_id: str, result: CheckResult) -> tuple[Any, ...]:
    return (
        run_id,
        result.check_id,
        result.title,
        result.severity,
        len(result.findings),
        result.allowed,
        result.is_passed,
        result.sentence() if result.findings else "",
        result.todo,
    )


def _copy_findings(connection: Connection[Any], run_id: str, results: list[CheckResult], source: SourceNames) -> None:
    statement = (
        "COPY nexus_import.finding (run_id, check_id, severity, entity, record_id, filemaker_id, nexus_id, layout,"
        " field, detail, suggestion) FROM STDIN"
    )
    with connection.cursor().copy(statement) as copy:
        for result in results:
            for item in result.findings:
                # What FileMaker has no record of stands on no layout.
                layout = source.layout(item.entity) if item.record_id or item.filemaker_id else None
                copy.write_row(
                    (
                        run_id,
                        result.check_id,
                        result.severity,
                        item.entity,
                        item.record_id,
                        item.filemaker_id,
                        item.nexus_id,
                        layout,
                        item.field,
                        item.detail,
                        item.suggestion,
                    )
                )


def _name_clinics(
    connection: Connection[Any], run_id: str, ids: list[str], mappings: Mapping[str, EntityMapping]
) -> None:
    """Write the clinic of each finding's record, else of its row in live Nexus; what has none stays without."""
    entities = connection.execute(
        "SELECT DISTINCT entity FROM nexus_import.finding WHERE run_id = %s AND check_id = ANY(%s)", (run_id, ids)
    ).fetchall()
    for (entity,) in entities:
        mapping = mappings.get(entity)
        if mapping is None:
            continue
        for source in (_clinics_of_records(mapping, mappings), _clinics_of_rows(mapping)):
            if source is not None:
                connection.execute(
                    sql.SQL(
                        "UPDATE nexus_import.finding AS finding SET clinic = clinic.name FROM ({source}) AS source"
                        " JOIN public.clinics AS clinic ON clinic.id = source.clinic_id"
                        " WHERE finding.run_id = {run_id} AND finding.check_id = ANY({ids}) AND finding.clinic IS NULL"
                        " AND finding.entity = {entity} AND finding.{key} = source.key"
                    ).format(
                        source=source[1],
                        run_id=sql.Literal(run_id),
                        ids=sql.Literal(ids),
                        entity=sql.Literal(entity),
                        key=sql.Identifier(source[0]),
                    )
                )


def _clinics_of_records(
    mapping: EntityMapping, mappings: Mapping[str, EntityMapping]
) -> tuple[str, sql.Composed] | None:
    """Return the query for (record id, clinic's id): the record's own clinic, else its patient's."""
    own = _clinic_column(mapping)
    patient = mappings.get("patient")
    of_patient = _clinic_column(patient) if patient else None
    reference = next((name for name, column in mapping.columns.items() if column.reference == "patient"), None)
    found = [sql.Identifier("staged", own)] if own else []
    join = sql.Composed([])
    if reference and of_patient:
        found.append(sql.Identifier("patient", of_patient))
        join = sql.SQL(
            " LEFT JOIN (SELECT DISTINCT ON (filemaker_id) * FROM nexus_staging.patient WHERE filemaker_id IS NOT NULL"
            " ORDER BY filemaker_id, record_id) AS patient ON patient.filemaker_id = staged.{}"
        ).format(sql.Identifier(f"{reference}_filemaker_id"))
    if not found:
        return None
    return "record_id", sql.SQL("SELECT staged.record_id AS key, COALESCE({}) AS clinic_id FROM {} AS staged{}").format(
        sql.SQL(", ").join(found), sql.Identifier("nexus_staging", mapping.entity), join
    )


def _clinics_of_rows(mapping: EntityMapping) -> tuple[str, sql.Composed] | None:
    """Return the query for (Nexus id, clinic's id) of the rows of live Nexus."""
    if mapping.table is None:
        return None
    own, table = _clinic_column(mapping), sql.Identifier("public", mapping.table)
    if mapping.entity == "patient":
        if own is None:
            return None
        return "nexus_id", sql.SQL("SELECT id AS key, {} AS clinic_id FROM {}").format(sql.Identifier(own), table)
    reference = next((name for name, column in mapping.columns.items() if column.reference == "patient"), None)
    if reference is None:
        return None
    found = [sql.Identifier("live", own)] if own else []
    return "nexus_id", sql.SQL(
        "SELECT live.id AS key, COALESCE({}) AS clinic_id FROM {} AS live"
        " LEFT JOIN public.patients AS patient ON patient.id = live.{}"
    ).format(
        sql.SQL(", ").join([*found, sql.Identifier("patient", "clinic_id")]),
        table,
        sql.Identifier(reference),
    )


def _clinic_column(mapping: EntityMapping) -> str | None:
    return next((name for name, column in mapping.columns.items() if column.lookup == CLINICS), None)
