"""The working copy: whose it is, that it is complete, and that it survives a crash of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.working_copy import (
    check_size,
    copy_tables,
    fingerprints,
    read_stamp,
    require_complete,
    require_copy,
    reset_tables,
)

from tests.nexus.live_rows import add_patient
from tests.nexus.manual_run import GONE, POLICY, STAGE_RUN, STAYS, TABLES, ManualRun

OTHER_RUN = "manual__other"


def count(run: ManualRun, table: str) -> int:
    return int(run.installation.value(f"SELECT count(*) FROM {table}"))


def test_copy_holds_every_row_of_every_table_twice(run: ManualRun) -> None:
    stamp = read_stamp(run.connection)
    assert stamp is not None
    assert (stamp.run_id, stamp.copy_number, stamp.backup_attempt) == (STAGE_RUN, 1, 1)
    assert set(stamp.row_counts) == set(TABLES)
    for table, rows in stamp.row_counts.items():
        same = (
            f"SELECT count(*) FROM public.{table} AS a JOIN nexus_work.{{}} AS b ON a.id = b.id AND a::text = b::text"
        )
        assert count(run, table) == rows
        for copied in (table, f"before_{table}"):
            assert run.installation.value(same.format(copied)) == rows
    assert stamp.row_counts["patients"] > 2


def test_run_finds_its_own_copy(undone: ManualRun) -> None:
    with undone.connection.transaction():
        assert require_copy(undone.connection, STAGE_RUN) == read_stamp(undone.connection)


def test_copy_of_another_run_is_not_touched_and_both_runs_are_named(undone: ManualRun) -> None:
    says = f"belongs to run {STAGE_RUN}; run {OTHER_RUN} will not touch it"
    with pytest.raises(WorkingCopyError, match=says), undone.connection.transaction():
        require_copy(undone.connection, OTHER_RUN)


def test_copy_that_did_not_see_a_restore_is_out_of_date_and_the_next_one_is_not(undone: ManualRun) -> None:
    def restore() -> None:
        undone.work(
            "INSERT INTO nexus_import.restore (restore_plan_id, run_id, scope, manifest_key, counts)"
            " VALUES (1 + (SELECT count(*) FROM nexus_import.restore), 'r', 'everything', 'k', '{}')"
        )

    connection = undone.connection
    require_complete(connection, require_copy(connection, STAGE_RUN))
    restore()
    with pytest.raises(WorkingCopyError, match=r"restored from a backup since.*Clear phase_1_preserve\.copy_tables"):
        require_complete(connection, require_copy(connection, STAGE_RUN))
    copied = copy_tables(connection, STAGE_RUN, TABLES, POLICY.preserved, 1)
    assert copied.restore_id > 0
    require_complete(connection, copied)
    restore()
    with pytest.raises(WorkingCopyError, match="restored from a backup since"):
        require_complete(connection, require_copy(connection, STAGE_RUN))


def test_copy_that_was_never_made_is_named(installation: Any) -> None:
    with (
        installation.importer() as connection,
        pytest.raises(WorkingCopyError, match=f"does not exist; run {OTHER_RUN} will not touch it"),
    ):
        require_copy(connection, OTHER_RUN)


def test_second_copy_of_a_run_is_numbered_and_one_of_another_run_begins_anew(undone: ManualRun) -> None:
    assert undone.copy().copy_number == 2
    other = ManualRun(undone.installation, undone.connection, OTHER_RUN)
    assert other.copy().copy_number == 1
    with pytest.raises(WorkingCopyError, match=f"belongs to run {OTHER_RUN}"), undone.connection.transaction():
        require_copy(undone.connection, STAGE_RUN)


def test_two_tasks_do_not_work_on_it_at_once(run: ManualRun) -> None:
    with run.connection.transaction(), run.installation.importer() as second:
        require_copy(run.connection, STAGE_RUN)
        second.execute("SET lock_timeout = '20ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
            require_copy(second, STAGE_RUN)


def test_lost_row_is_noticed_with_table_and_counts(undone: ManualRun) -> None:
    stamp = read_stamp(undone.connection)
    assert stamp is not None
    require_complete(undone.connection, stamp)
    undone.work("DELETE FROM nexus_work.before_patients WHERE id = %s", GONE)
    rows = stamp.row_counts["patients"]
    with pytest.raises(WorkingCopyError, match=f"copy of patients holds {rows - 1} rows instead of the {rows} that"):
        require_complete(undone.connection, stamp)


def test_worked_on_rows_may_go(undone: ManualRun) -> None:
    stamp = read_stamp(undone.connection)
    assert stamp is not None
    undone.work("DELETE FROM nexus_work.patients")
    require_complete(undone.connection, stamp)


def test_reset_puts_back_what_was_copied(run: ManualRun) -> None:
    reset_tables(run.connection, TABLES)  # as the first phase that works on it does
    run.edit()
    run.work("INSERT INTO nexus_work.former_patient VALUES (%s, 'a')", GONE)
    run.work("INSERT INTO nexus_work.identity VALUES ('patient', 'a', %s, 'new')", STAYS)
    reset_tables(run.connection, TABLES)
    assert run.plan().change_count == 0
    assert count(run, "nexus_work.identity") == count(run, "nexus_work.former_patient") == 0


def test_copy_over_the_limit_is_refused_before_anything_is_copied(undone: ManualRun) -> None:
    size = check_size(undone.connection, TABLES, 50)
    assert size > 2 * undone.installation.value("SELECT pg_relation_size('patients')")
    assert check_size(undone.connection, TABLES, size / 1024**3) == size
    with pytest.raises(WorkingCopyError, match=r"over the limit of 0\.0001 GiB.*clear phase_1_preserve.copy_tables"):
        check_size(undone.connection, TABLES, 0.0001)


@pytest.mark.parametrize("table", ["no_such_table", "django_session"])
def test_declared_table_that_nexus_does_not_have_is_named(undone: ManualRun, table: str) -> None:
    says = f"Table {table} is declared .* no such table with a column id"
    with pytest.raises(WorkingCopyError, match=says), undone.connection.transaction():
        copy_tables(undone.connection, STAGE_RUN, ["patients", table], {}, 1)
    assert read_stamp(undone.connection) is not None


def test_preserved_table_that_nexus_does_not_have_is_named(undone: ManualRun) -> None:
    with pytest.raises(WorkingCopyError, match="Table no_such_table is listed under preserved"):
        fingerprints(undone.connection, {"no_such_table": []})


def test_fingerprint_sees_every_column_but_those_left_out(run: ManualRun) -> None:
    prints = fingerprints(run.connection, POLICY.preserved)
    assert fingerprints(run.connection, POLICY.preserved) == prints
    run.installation.execute("UPDATE gmail_connections SET access_token = 'renewed', updated_at = now()")
    assert fingerprints(run.connection, POLICY.preserved) == prints
    run.installation.execute("UPDATE clinics SET color = '#123456'")
    changed = fingerprints(run.connection, POLICY.preserved)
    assert {table for table in prints if prints[table] != changed[table]} == {"clinics"}


def test_copy_is_of_one_moment(run: ManualRun) -> None:
    """A write between two tables' copies is in none of them."""
    with run.installation.importer() as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            connection.execute("SELECT 1")
            add_patient(run.installation)
            stamp = copy_tables(connection, STAGE_RUN, TABLES, POLICY.preserved, 1)
    assert stamp.row_counts["patients"] == count(run, "patients") - 1


def test_copy_survives_a_crash_of_the_server(tmp_path: Path, parts: Any) -> None:
    from local.clinic import load_nexus
    from local.nexus_database import NexusDatabase
    from local.postgres import PostgresCluster
    from tests.support.installation import Installation

    with PostgresCluster(tmp_path / "postgres") as cluster:
        database = NexusDatabase(cluster)
        database.create()
        load_nexus(database.uri(), parts.clinic)
        database.grant()
        installation = Installation(parts, database, simulator=None)  # type: ignore[arg-type]
        with installation.importer() as connection:
            stamp = ManualRun(installation, connection, STAGE_RUN).copy()
        cluster.crash()
        with installation.importer() as connection:
            with connection.transaction():
                assert require_copy(connection, STAGE_RUN) == stamp
                require_complete(connection, stamp)
            assert stamp.row_counts["patients"] > 0
            assert ManualRun(installation, connection, STAGE_RUN).plan().change_count == 0
