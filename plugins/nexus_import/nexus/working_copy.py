"""The working copy in schema `nexus_work`: every affected table twice, as copied and as worked on.

`before_<table>` is never changed after the copy: it tells what a row was, which rows went stale, and is the
before-image of the publish. `<table>` is what phases 2 to 7 work on. Both are logged tables, so that they
survive a crash of the server; the stamp says which run they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.catalog import read_columns, read_foreign_keys, split_name
from nexus_import.nexus.sql import names, run_file

SCHEMA = "nexus_work"
_CREATE_LOCK = 0x6E657875_636F7079
_BYTES_PER_GIB = 1024**3


@dataclass(frozen=True)
class Stamp:
    """Whose copy it is: the run, the number of the copy within it, the backup it stands on, rows per table.

    `restore_id` is the newest restore, or undo of a publish, that the copy saw, 0 when there had been none.
    """

    run_id: str
    copy_number: int
    copied_at: datetime
    backup_attempt: int
    row_counts: dict[str, int]
    preserved: dict[str, str]
    restore_id: int


def before(table: str) -> sql.Identifier:
    """Return the table as it was copied."""
    return sql.Identifier(SCHEMA, f"before_{table}")


def work(table: str) -> sql.Identifier:
    """Return the table that the phases work on."""
    return sql.Identifier(SCHEMA, table)


def live(table: str) -> sql.Identifier:
    """Return the live table; one of another schema is named with it."""
    return sql.Identifier(*split_name(table))


def copied_keys(table: str) -> sql.Identifier:
    """Return the copy of the columns that foreign keys of copied tables point at."""
    return sql.Identifier(SCHEMA, f"keys_{table}")


def check_size(connection: Connection[Any], tables: list[str], limit_gib: float) -> int:
    """Return the bytes the copy will take; raise `WorkingCopyError` when that is over the limit."""
    row = connection.execute(
        "SELECT COALESCE(sum(2 * pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)",
        (tables,),
    ).fetchone()
    size = int(row[0]) if row else 0
    if size > limit_gib * _BYTES_PER_GIB:
        raise WorkingCopyError(
            f"The working copy would take {size / _BYTES_PER_GIB:.1f} GiB, over the limit of {limit_gib:g} GiB. "
            "Make room and raise working_copy_limit_gib in include/policy.yaml, "
            "then clear phase_1_preserve.copy_tables."
        )
    return size


def copy_tables(
    connection: Connection[Any],
    run_id: str,
    tables: list[str],
    preserved: dict[str, list[str]],
    backup_attempt: int,
) -> Stamp:
    """Copy the affected tables into `nexus_work` and stamp them; everything that was there before goes.

    The caller's transaction is REPEATABLE READ: all tables are copied as of one moment. `preserved` gives the
    columns to leave out of each preserved table's fingerprint.
    """
    # two first runs at the same time: IF NOT EXISTS alone does not keep them apart
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_LOCK,))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS nexus_work.stamp (run_id text NOT NULL, copy_number integer NOT NULL,"
        " copied_at timestamptz NOT NULL, backup_attempt integer NOT NULL, row_counts jsonb NOT NULL,"
        " preserved jsonb NOT NULL, is_touched boolean NOT NULL DEFAULT false)"
    )
    # a stamp that an older version left does not have the column
    connection.execute("ALTER TABLE nexus_work.stamp ADD COLUMN IF NOT EXISTS restore_id bigint NOT NULL DEFAULT 0")
    previous = drop_copy(connection)
    number = previous.copy_number + 1 if previous and previous.run_id == run_id else 1
    counts = {table: _copy_table(connection, table) for table in tables}
    _copy_keys(connection, tables)
    run_file(connection, "phase_1_preserve/010_create_identity.sql")
    prints = fingerprints(connection, preserved)
    connection.execute("DELETE FROM nexus_work.stamp")
    connection.execute(
        "INSERT INTO nexus_work.stamp"
        " (run_id, copy_number, copied_at, backup_attempt, row_counts, preserved, restore_id)"
        " VALUES (%s, %s, transaction_timestamp(), %s, %s, %s,"
        "  (SELECT COALESCE(max(restore_id), 0) FROM nexus_import.restore))",
        (run_id, number, backup_attempt, Jsonb(counts), Jsonb(prints)),
    )
    stamp = read_stamp(connection)
    if stamp is None:
        raise WorkingCopyError("The working copy was not stamped; clear phase_1_preserve.copy_tables.")
    return stamp


def drop_copy(connection: Connection[Any]) -> Stamp | None:
    """Drop every table of the copy but its stamp, which is locked and returned; None when there is none."""
    previous = read_stamp(connection)
    if previous is not None:
        connection.execute("LOCK TABLE nexus_work.stamp IN ACCESS EXCLUSIVE MODE")
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'nexus_work'::regnamespace AND relkind = 'r'"
        " AND relname <> 'stamp'"
    ).fetchall()
    for (name,) in rows:
        connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(SCHEMA, name)))
    return previous


def _copy_table(connection: Connection[Any], table: str) -> int:
    columns = {column.name: column.type for column in read_columns(connection, table)}
    if columns.get("id") != "uuid":
        raise WorkingCopyError(
            f"Table {table} is declared in include/policy.yaml but Nexus has no such table with a column id of type "
            "uuid. Correct the policy, then clear phase_1_preserve.copy_tables."
        )
    connection.execute(
        sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(before(table), names(columns), live(table))
    )
    connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(before(table)))
    connection.execute(sql.SQL("CREATE TABLE {} (LIKE {})").format(work(table), before(table)))
    count = connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(work(table), before(table))).rowcount
    connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(work(table)))
    for column in sorted({"patient_id", "object_id", "batch_id", "filemaker_event_id"} & columns.keys()):
        connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(work(table), sql.Identifier(column)))
    connection.execute(sql.SQL("ANALYZE {}").format(before(table)))
    connection.execute(sql.SQL("ANALYZE {}").format(work(table)))
    return count


def _copy_keys(connection: Connection[Any], tables: list[str]) -> None:
    """Copy the columns of other tables that foreign keys of the copied ones point at."""
    needed: dict[str, set[str]] = {}
    for key in read_foreign_keys(connection):
        if key.table in tables and key.parent_table not in tables:
            needed.setdefault(key.parent_table, set()).update(key.parent_columns)
    for parent, columns in sorted(needed.items()):
        connection.execute(
            sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(
                copied_keys(parent), names(sorted(columns)), live(parent)
            )
        )
        if "id" in columns:
            connection.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(copied_keys(parent)))


def read_stamp(connection: Connection[Any]) -> Stamp | None:
    """Return the stamp of the working copy, None when there is no copy."""
    row = connection.execute("SELECT to_regclass('nexus_work.stamp') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return None
    stamp = connection.execute(
        "SELECT run_id, copy_number, copied_at, backup_attempt, row_counts, preserved, restore_id FROM nexus_work.stamp"
    ).fetchone()
    return Stamp(*stamp) if stamp else None


def require_copy(connection: Connection[Any], run_id: str) -> Stamp:
    """Lock the working copy for this transaction and return its stamp.

    Raises `WorkingCopyError` when there is none, or when it belongs to another run.
    """
    stamp = read_stamp(connection)
    if stamp is not None:
        connection.execute("LOCK TABLE nexus_work.stamp IN EXCLUSIVE MODE")
        stamp = read_stamp(connection)
    if stamp is None or stamp.run_id != run_id:
        owner = f"belongs to run {stamp.run_id}" if stamp else "does not exist"
        raise WorkingCopyError(
            f"The working copy {owner}; run {run_id} will not touch it. "
            "Clear phase_0_validate.verify_filemaker of this run, with downstream, to make a copy of its own."
        )
    return stamp


def require_tables(connection: Connection[Any], tables: list[str]) -> None:
    """Raise `WorkingCopyError` unless these are the tables that were copied."""
    stamp = read_stamp(connection)
    if stamp is None or set(stamp.row_counts) != set(tables):
        raise WorkingCopyError(
            "The policy declares other tables than were copied. "
            "Clear phase_1_preserve.copy_tables of this run, with downstream."
        )


def require_complete(connection: Connection[Any], stamp: Stamp) -> None:
    """Raise `WorkingCopyError` unless every copied table still holds the rows that were copied from this Nexus.

    After a restore or an undo that the copy did not see, rows and what the import remembers of them are others, also
    where a plan does not touch them.
    """
    row = connection.execute(
        "SELECT restore_id, undone_plan_id IS NOT NULL FROM nexus_import.restore ORDER BY restore_id DESC LIMIT 1"
    ).fetchone()
    restore_id, is_undo = row or (0, False)
    if restore_id != stamp.restore_id:
        what = "A publish was undone in live Nexus" if is_undo else "Live Nexus was restored from a backup"
        raise WorkingCopyError(
            f"{what} since it was copied, so this working copy is out of date; "
            "live Nexus is unchanged. Clear phase_1_preserve.copy_tables of this run, with downstream: FileMaker is "
            "not read again."
        )
    for table, expected in stamp.row_counts.items():
        row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(before(table))).fetchone()
        found = int(row[0]) if row else 0
        if found != expected:
            raise WorkingCopyError(
                f"The copy of {table} holds {found:,} rows instead of the {expected:,} that were copied. "
                "Clear phase_1_preserve.copy_tables of this run, with downstream."
            )


def fingerprints(connection: Connection[Any], preserved: dict[str, list[str]]) -> dict[str, str]:
    """Return a digest of each preserved table's rows, without the columns named for it."""
    prints = {}
    for table, left_out in preserved.items():
        columns = [column.name for column in read_columns(connection, table) if column.name not in left_out]
        if not columns:
            raise WorkingCopyError(
                f"Table {table} is listed under preserved in include/policy.yaml but Nexus does not have it. "
                "Correct the policy, then clear phase_1_preserve.copy_tables."
            )
        row_text = sql.SQL("ROW({})::text").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
        query = sql.SQL("SELECT count(*), md5(COALESCE(string_agg(md5({row}), '' ORDER BY md5({row})), '')) FROM {t}")
        row = connection.execute(query.format(row=row_text, t=live(table))).fetchone()
        prints[table] = f"{row[0]}:{row[1]}" if row else ""
    return prints


def reset_tables(connection: Connection[Any], tables: list[str]) -> None:
    """Put the worked-on tables back to what was copied and forget what was matched.

    A fresh copy, which no phase has worked on, is left as it is.
    """
    row = connection.execute("SELECT is_touched FROM nexus_work.stamp").fetchone()
    connection.execute("UPDATE nexus_work.stamp SET is_touched = true")
    if not row or not row[0]:
        return
    for table in tables:
        connection.execute(sql.SQL("DELETE FROM {}").format(work(table)))
        connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(work(table), before(table)))
    for table in ("identity", "former_patient", "decision", "fate"):
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, table)))
