"""Composes the columns and values of phases 3 to 5 from a mapping: who wins for each column.

A mapped column takes FileMaker's value, with three exceptions: text marked clinical that was edited in Nexus since
the last publish is kept, a column marked `only_new` is filled once, and where the record has no value that could be
used (`kept_columns`: unreadable, not in Nexus, or empty with `keep_when_empty`) the live row keeps its own. A column
no field maps keeps the live row's value, or gets the application's default in a new row. In the composed SQL
`staged` is FileMaker's record, `former` the live row as copied, `published` the digests of the last publish.
"""

from __future__ import annotations

import json
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import ColumnMapping, EntityMapping
from nexus_import.nexus.archive import ARCHIVES
from nexus_import.nexus.catalog import Column, read_columns
from nexus_import.nexus.working_copy import before

BOOKKEEPING = frozenset({"updated_at"})
"""Columns that do not make a row changed."""
EMPTY_TEXTS = ("", "{}", "[]", "null", "false")
"""What a column without anything in it looks like as text, NULL apart."""


def digest_of(expression: sql.Composable) -> sql.Composed:
    """Return the digest of a value, the same for NULL and for empty text."""
    return sql.SQL("md5(COALESCE(({})::text, ''))").format(expression)


def source_value(name: str, column: ColumnMapping) -> sql.Composable:
    """Return FileMaker's value of a mapped column."""
    if column.reference:
        return sql.Identifier(f"{name}_reference", "nexus_id")
    return sql.Identifier("staged", name)


def is_kept(name: str) -> sql.Composed:
    """Return the condition that the record has no value of its own for the column."""
    return sql.SQL("{} = ANY (staged.kept_columns)").format(sql.Literal(name))


def edited_in_nexus(name: str) -> sql.Composed:
    """Return the condition that the live value is not the one the last publish gave.

    Without an earlier publish any value that Nexus has counts as edited.
    """
    return sql.SQL(
        "(former.id IS NOT NULL AND CASE WHEN published.digests ? {name}"
        " THEN {digest} <> published.digests ->> {name}"
        " ELSE COALESCE({former}::text, '') NOT IN ('', '[]') END)"
    ).format(name=sql.Literal(name), digest=digest_of(_former(name)), former=_former(name))


def insert_parts(connection: Connection[Any], mapping: EntityMapping, conflicts: str) -> dict[str, sql.Composed]:
    """Return the `columns` and `values` parts of the phase's INSERT for the entity's table.

    `conflicts` says who wins where both sides changed a value since the last publish: filemaker or nexus
    ("stop" is a check's matter and inserts FileMaker's value).
    """
    columns = read_columns(connection, mapping.table or "")
    expressions = [_value(column, mapping, conflicts) for column in columns]
    return {
        "columns": sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        "values": sql.SQL(",\n    ").join(expressions),
    }


def _former(name: str) -> sql.Identifier:
    return sql.Identifier("former", name)


def _value(column: Column, mapping: EntityMapping, conflicts: str) -> sql.Composable:
    name = column.name
    if name == "id":
        return sql.SQL("identity.nexus_id")
    if name == mapping.event_key:
        return sql.SQL("staged.filemaker_id::uuid")
    if name == "filemaker_metadata" and mapping.metadata_key:
        return _metadata(mapping.metadata_key)
    if mapped := mapping.columns.get(name):
        return _mapped(column, mapped, conflicts)
    if name in mapping.defaults:
        default = _default(mapping.defaults[name], column.type)
        return sql.SQL("CASE WHEN former.id IS NULL THEN {} ELSE {} END").format(default, _former(name))
    if column.default is not None:
        return sql.SQL("CASE WHEN former.id IS NULL THEN {} ELSE {} END").format(sql.SQL(column.default), _former(name))
    return _former(name)


def _mapped(column: Column, mapped: ColumnMapping, conflicts: str) -> sql.Composed:
    name = column.name
    source: sql.Composable = sql.SQL("{}::{}").format(source_value(name, mapped), sql.SQL(column.type))
    source = sql.SQL("CASE WHEN former.id IS NOT NULL AND {} THEN {} ELSE {} END").format(
        is_kept(name), _former(name), source
    )
    if mapped.only_new:
        return sql.SQL("CASE WHEN former.id IS NULL THEN {} ELSE {} END").format(source, _former(name))
    if mapped.clinical:
        return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(edited_in_nexus(name), _former(name), source)
    if conflicts == "nexus":
        changed = sql.SQL("published.digests ? {} AND {}").format(sql.Literal(name), edited_in_nexus(name))
        return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(changed, _former(name), source)
    return sql.SQL("{}").format(source)


def _metadata(key: str) -> sql.Composed:
    return sql.SQL(
        "CASE WHEN lower(former.filemaker_metadata ->> {key}) = staged.filemaker_id THEN former.filemaker_metadata"
        " ELSE COALESCE(former.filemaker_metadata, '{{}}'::jsonb)"
        " || jsonb_build_object({key}, staged.filemaker_id_text) END"
    ).format(key=sql.Literal(key))


def _default(value: object, column_type: str) -> sql.Composable:
    if value == "now":
        return sql.SQL("transaction_timestamp()")
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return sql.SQL("{}::{}").format(sql.Literal(text), sql.SQL(column_type))


def published_digests(mapping: EntityMapping) -> sql.Composed:
    """Return the expression for the digests of what FileMaker gave to a published row.

    Of FileMaker's value, not of the row's: text that was kept because Nexus had edited it must count as edited
    in the next run too. Where FileMaker gave no value of its own, what it said before stays remembered.
    `present` is the row, `staged` its record.
    """
    pairs = []
    for name, column in mapping.columns.items():
        if not column.only_new:
            table = "present" if column.reference else "staged"
            digest = sql.SQL("CASE WHEN {is_kept} THEN {before} ELSE {digest} END").format(
                is_kept=is_kept(name),
                before=_published_before(mapping, name),
                digest=digest_of(sql.Identifier(table, name)),
            )
            pairs.append(sql.SQL("{}, {}").format(sql.Literal(name), digest))
    return sql.SQL("jsonb_strip_nulls(jsonb_build_object({}))").format(sql.SQL(", ").join(pairs))


def _published_before(mapping: EntityMapping, name: str) -> sql.Composed:
    return sql.SQL(
        "(SELECT former.digests ->> {name} FROM nexus_import.published_row AS former"
        " WHERE former.table_name = {table} AND former.row_id = present.id)"
    ).format(name=sql.Literal(name), table=sql.Literal(mapping.table))


def known_rows(mapping: EntityMapping) -> sql.Composable:
    """Return the query for (nexus_id, filemaker_id) of the entity's rows that came from FileMaker."""
    if mapping.metadata_key:
        return sql.SQL("SELECT nexus_id, filemaker_id FROM nexus_work.former_patient")
    if mapping.event_key:
        return sql.SQL(
            "SELECT id AS nexus_id, lower({key}::text) AS filemaker_id FROM {before} WHERE {key} IS NOT NULL"
        ).format(key=sql.Identifier(mapping.event_key), before=before(mapping.table or ""))
    return sql.SQL("SELECT nexus_id, filemaker_id FROM nexus_import.identity WHERE entity = {}").format(
        sql.Literal(mapping.entity)
    )


def is_usable(connection: Connection[Any], mapping: EntityMapping) -> sql.Composable:
    """Return the condition that a staged record can become a row: what may not be NULL has a value."""
    conditions: list[sql.Composable] = [sql.SQL("TRUE")]
    for column in read_columns(connection, mapping.table or ""):
        mapped = mapping.columns.get(column.name)
        if column.is_nullable or mapped is None:
            continue
        if mapped.reference:
            conditions.append(
                sql.SQL("EXISTS (SELECT FROM {} AS other WHERE other.filemaker_id = staged.{})").format(
                    sql.Identifier("nexus_staging", mapped.reference), sql.Identifier(f"{column.name}_filemaker_id")
                )
            )
        else:
            conditions.append(sql.SQL("staged.{} IS NOT NULL").format(sql.Identifier(column.name)))
    return sql.SQL(" AND ").join(conditions)


def edited_text(mapping: EntityMapping) -> sql.Composable:
    """Return the expression for the names of the columns whose clinical text was edited in Nexus, NULL for none."""
    return _named([(name, edited_in_nexus(name)) for name, column in mapping.columns.items() if column.clinical])


def filled_columns(connection: Connection[Any], mapping: EntityMapping) -> sql.Composable:
    """Return the expression for the names of the columns that hold what only Nexus knows, NULL for none.

    These are columns that no field fills, with a value that is neither empty nor what a new row starts with; one that
    the database numbers, stamps or draws by itself says nothing.
    """
    archive = ARCHIVES.get(mapping.table or "")
    filled: list[tuple[str, sql.Composable]] = []
    for column in read_columns(connection, mapping.table or ""):
        default = mapping.defaults.get(column.name)
        if default is None and not column.is_default_constant:
            continue  # each row was given another value by the database: nobody typed it
        if column.name in _says_nothing(mapping) or default == "now" or (archive and column.name in archive.columns):
            continue
        empty: list[sql.Composable] = [sql.Literal(text) for text in EMPTY_TEXTS]
        if default is not None:
            empty.append(sql.SQL("{}::text").format(_default(default, column.type)))
        elif column.default is not None:
            empty.append(sql.SQL("({})::{}::text").format(sql.SQL(column.default), sql.SQL(column.type)))
        if archive and column.name in archive.values:
            empty.append(sql.Literal(archive.values[column.name]))
        condition = sql.SQL("COALESCE({}::text, '') NOT IN ({})").format(
            _former(column.name), sql.SQL(", ").join(empty)
        )
        filled.append((column.name, condition))
    return _named(filled)


def _says_nothing(mapping: EntityMapping) -> set[str]:
    """Return the columns that FileMaker fills, and those that only say when and as what a row was imported."""
    own = {"id", "created_at", *BOOKKEEPING, *mapping.columns}
    return own | ({"filemaker_metadata"} if mapping.metadata_key else set()) | {mapping.event_key or ""}


def _named(conditions: list[tuple[str, sql.Composable]]) -> sql.Composable:
    cases = [sql.SQL("CASE WHEN {} THEN {} END").format(condition, sql.Literal(name)) for name, condition in conditions]
    return sql.SQL("NULLIF(concat_ws(', ', {}), '')").format(sql.SQL(", ").join([sql.SQL("NULL"), *cases]))


def find_kept_text(connection: Connection[Any], mapping: EntityMapping) -> list[tuple[Any, ...]]:
    """Return the rows whose clinical text was kept as Nexus has it although FileMaker's differs.

    Each is (record id, FileMaker id, Nexus id, field, detail).
    """
    clinical = {name: column for name, column in mapping.columns.items() if column.clinical}
    conditions = [
        sql.SQL("({}, NOT {} AND COALESCE({}::text, '') <> COALESCE({}::text, ''))").format(
            sql.Literal(column.field), is_kept(name), sql.Identifier("present", name), sql.Identifier("staged", name)
        )
        for name, column in clinical.items()
    ]
    return _rows_where(connection, mapping, conditions, "edited in Nexus, kept")


def find_conflicts(connection: Connection[Any], mapping: EntityMapping) -> list[tuple[Any, ...]]:
    """Return the values that Nexus and FileMaker both changed since the last publish, as `find_kept_text` does."""
    conditions = [
        sql.SQL(
            "({field}, NOT {is_kept} AND published.digests ? {name} AND {former} IS DISTINCT FROM {staged}"
            " AND {former_digest} <> published.digests ->> {name}"
            " AND {staged_digest} <> published.digests ->> {name})"
        ).format(
            field=sql.Literal(column.field),
            is_kept=is_kept(name),
            name=sql.Literal(name),
            former=_former(name),
            staged=sql.Identifier("staged", name),
            former_digest=digest_of(_former(name)),
            staged_digest=digest_of(sql.Identifier("staged", name)),
        )
        for name, column in mapping.columns.items()
        if not (column.reference or column.only_new or column.clinical)
    ]
    return _rows_where(connection, mapping, conditions, "changed on both sides")


def _rows_where(
    connection: Connection[Any], mapping: EntityMapping, conditions: list[sql.Composed], detail: str
) -> list[tuple[Any, ...]]:
    if not conditions:
        return []
    query = sql.SQL(
        "SELECT staged.record_id, staged.filemaker_id_text, identity.nexus_id, suspect.field, {detail}"
        " FROM {staging} AS staged"
        " JOIN nexus_work.identity AS identity"
        "   ON identity.entity = {entity} AND identity.filemaker_id = staged.filemaker_id"
        " JOIN {work} AS present ON present.id = identity.nexus_id"
        " JOIN {before} AS former ON former.id = identity.nexus_id"
        " LEFT JOIN nexus_import.published_row AS published"
        "   ON published.table_name = {table} AND published.row_id = identity.nexus_id"
        " CROSS JOIN LATERAL (VALUES {conditions}) AS suspect (field, is_suspect)"
        " WHERE suspect.is_suspect ORDER BY staged.record_id, suspect.field"
    ).format(
        detail=sql.Literal(detail),
        staging=sql.Identifier("nexus_staging", mapping.entity),
        entity=sql.Literal(mapping.entity),
        work=sql.Identifier("nexus_work", mapping.table or ""),
        before=sql.Identifier("nexus_work", f"before_{mapping.table}"),
        table=sql.Literal(mapping.table),
        conditions=sql.SQL(", ").join(conditions),
    )
    return connection.execute(query).fetchall()
