"""The balance: what became of every record that was read, by what stands in the working copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.balance import EntityBalance, plural
from nexus_import.core.mapping import ColumnMapping, EntityMapping
from nexus_import.core.mapping.row_mapper import IS_EMPTY, READABLE, REQUIRED
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.plan import rows_differ
from nexus_import.nexus.sql import run_file
from nexus_import.nexus.working_copy import before, work

CHECK_ID = "phase_8/every_record_is_accounted_for"
FILE = "phase_8_validate/010_account_for_records.sql"
FOUND = ("created", "updated", "unchanged")


def account_for_records(
    connection: Connection[Any], run_id: str, mappings: list[EntityMapping], severity: str = "stop"
) -> CheckResult:
    """Write the balance of each entity to the journal, in place of an earlier one; return what nobody can explain.

    Needs the run's staged records and its working copy after phase 7.
    """
    _make_tables(connection, run_id)
    for mapping in mappings:
        _share_unreadable_values(connection, mapping)
        _account_for(connection, mapping)
    connection.execute("DELETE FROM nexus_import.balance WHERE run_id = %s", (run_id,))
    connection.execute(
        "INSERT INTO nexus_import.balance (run_id, entity, what, reason, record_count)"
        " SELECT %s, entity, what, reason, count(*) FROM pg_temp.record_outcome GROUP BY entity, what, reason",
        (run_id,),
    )
    findings = [finding for mapping in mappings for finding in _unexplained(connection, run_id, mapping)]
    return CheckResult(
        CHECK_ID,
        "Every record that was read is created, updated, unchanged, skipped or rejected for a named reason",
        severity,
        "Clear phase_3_patients.import_patients with downstream; if it finds these again, call the support contact",
        findings,
    )


def read_balances(connection: Connection[Any], run_id: str) -> list[EntityBalance]:
    """Return the balance of each entity, largest first; empty where phase 8 has not asked yet."""
    rows = connection.execute(
        "SELECT entity, what, reason, record_count FROM nexus_import.balance WHERE run_id = %s ORDER BY what, reason",
        (run_id,),
    )
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for entity, what, reason, count in rows:
        counts.setdefault(entity, {}).setdefault(what, {})[reason] = count
    balances = [
        EntityBalance(
            plural(entity),
            sum(by_what.get("read", {}).values()),
            **{what: sum(by_what.get(what, {}).values()) for what in FOUND},
            skipped=by_what.get("skipped", {}),
            rejected=by_what.get("rejected", {}),
        )
        for entity, by_what in counts.items()
    ]
    return sorted(balances, key=lambda balance: (-balance.read, balance.label))


def _make_tables(connection: Connection[Any], run_id: str) -> None:
    connection.execute("DROP TABLE IF EXISTS pg_temp.record_outcome, pg_temp.unreadable_value")
    connection.execute(
        "CREATE TEMPORARY TABLE record_outcome (entity text NOT NULL, record_id text NOT NULL, filemaker_id text,"
        " what text NOT NULL, reason text NOT NULL) ON COMMIT DROP"
    )
    connection.execute(
        "CREATE TEMPORARY TABLE unreadable_value (entity text NOT NULL, record_id text NOT NULL, field text NOT NULL)"
        " ON COMMIT DROP"
    )
    connection.execute(
        "INSERT INTO pg_temp.unreadable_value SELECT DISTINCT entity, record_id, field FROM nexus_import.finding"
        " WHERE run_id = %s AND (check_id = %s OR check_id = %s AND detail <> %s)",
        (run_id, READABLE, REQUIRED, IS_EMPTY),
    )


def _share_unreadable_values(connection: Connection[Any], mapping: EntityMapping) -> None:
    """Say of an entity made of another one's records what was found in them: it is listed once, with the other one."""
    connection.execute(
        "INSERT INTO pg_temp.unreadable_value SELECT %s, record_id, field FROM pg_temp.unreadable_value"
        " WHERE entity = %s",
        (mapping.entity, mapping.records_of),
    )


def _account_for(connection: Connection[Any], mapping: EntityMapping) -> None:
    table = mapping.table or ""
    cases = list(_rejections(connection, mapping))
    run_file(
        connection,
        FILE,
        entity=sql.Literal(mapping.entity),
        key_fields=sql.Literal(list(mapping.key_fields)),
        staging=sql.Identifier("nexus_staging", mapping.entity),
        work=work(table),
        before=before(table),
        # the plan's own idea of a changed row, so that the two never disagree
        is_changed=rows_differ(connection, table, "present", "former"),
        rejection=sql.SQL("CASE {} END").format(sql.SQL(" ").join(cases)) if cases else sql.SQL("NULL"),
    )


def _rejections(connection: Connection[Any], mapping: EntityMapping) -> Iterator[sql.Composed]:
    """Yield `WHEN condition THEN reason` for each mapped column that a row of the table must have."""
    for column in read_columns(connection, mapping.table or ""):
        mapped = mapping.columns.get(column.name)
        if mapped is None or column.is_nullable:
            continue
        if mapped.reference:
            yield from _missing_reference(mapping, column.name, mapped)
        else:
            empty = sql.SQL("staged.{} IS NULL").format(sql.Identifier(column.name))
            yield from _unreadable_or(mapping, mapped, empty, f"no {mapped.field}")


def _missing_reference(mapping: EntityMapping, name: str, mapped: ColumnMapping) -> Iterator[sql.Composed]:
    reference = mapped.reference or ""
    named = sql.Identifier("staged", f"{name}_filemaker_id")
    yield from _unreadable_or(mapping, mapped, sql.SQL("{} IS NULL").format(named), f"names no {reference}")
    parts = {"entity": sql.Literal(reference), "named": named}
    yield sql.SQL(
        "WHEN EXISTS (SELECT FROM nexus_staging.skipped AS aside"
        " WHERE aside.entity = {entity} AND aside.filemaker_id = {named}) THEN {reason}"
    ).format(**parts, reason=sql.Literal(f"its {reference} is out of scope"))
    yield sql.SQL(
        "WHEN NOT EXISTS (SELECT FROM nexus_work.identity AS other"
        " WHERE other.entity = {entity} AND other.filemaker_id = {named}) THEN {reason}"
    ).format(**parts, reason=sql.Literal(f"its {reference} is not in FileMaker"))


def _unreadable_or(
    mapping: EntityMapping, mapped: ColumnMapping, empty: sql.Composable, reason: str
) -> Iterator[sql.Composed]:
    yield sql.SQL(
        "WHEN {empty} AND EXISTS (SELECT FROM pg_temp.unreadable_value AS unreadable"
        " WHERE unreadable.entity = {entity} AND unreadable.record_id = staged.record_id"
        " AND unreadable.field = {field}) THEN {reason}"
    ).format(
        empty=empty,
        entity=sql.Literal(mapping.entity),
        field=sql.Literal(mapped.field),
        reason=sql.Literal(f"unreadable {mapped.field}"),
    )
    yield sql.SQL("WHEN {} THEN {}").format(empty, sql.Literal(reason))


def _unexplained(connection: Connection[Any], run_id: str, mapping: EntityMapping) -> Iterator[Finding]:
    """Yield the records without an outcome, and the difference between what was read and what is staged."""
    row = connection.execute(
        "SELECT count(*), (SELECT record_count FROM nexus_import.snapshot WHERE run_id = %s AND entity = %s"
        "  ORDER BY attempt DESC LIMIT 1) FROM pg_temp.record_outcome WHERE entity = %s",
        (run_id, mapping.entity, mapping.entity),
    ).fetchone()
    staged, read = (int(row[0]), row[1]) if row else (0, None)
    connection.execute(
        "INSERT INTO nexus_import.balance (run_id, entity, what, record_count) VALUES (%s, %s, 'read', %s)",
        (run_id, mapping.entity, staged if read is None else read),
    )
    if read is not None and read != staged:
        yield Finding(mapping.entity, detail=f"{read:,} records were read and {staged:,} are staged")
    for record_id, filemaker_id in connection.execute(
        "SELECT record_id, filemaker_id FROM pg_temp.record_outcome WHERE entity = %s AND what = 'unexplained'"
        " ORDER BY length(record_id), record_id",
        (mapping.entity,),
    ):
        yield Finding(mapping.entity, record_id, filemaker_id, detail="nobody knows what became of this record")
