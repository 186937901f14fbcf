"""Phase 0: back up, read FileMaker, stage what was read, and check it. Nothing in Nexus is changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from airflow.sdk import chain, task, task_group
from psycopg import Connection, IsolationLevel, sql

from nexus_import.core import entities
from nexus_import.core.mapping import EntityMapping, RowMapper, ValueFinding
from nexus_import.core.mapping.row_mapper import READABLE
from nexus_import.core.yaml_files import require_none
from nexus_import.errors import DataError
from nexus_import.filemaker.source import Source, find_source_mistakes, require_fields
from nexus_import.nexus.backup import Backup, find_damage, latest_backup, next_attempt, record_backup, take_backup
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.details import gather_details
from nexus_import.nexus.mapping_guard import find_mapping_mistakes
from nexus_import.nexus.roles import require_restricted
from nexus_import.nexus.schema_guard import check_schema
from nexus_import.nexus.session import allow_waiting
from nexus_import.nexus.staging import (
    count_out_of_scope,
    create_staging_table,
    create_unmapped_tables,
    drop_repeated_findings,
    finish_staging_table,
    lock_staging,
    mark_absent,
    read_lookups,
    require_staging,
    stage_records,
)
from nexus_import.phases.common import (
    Counts,
    Step,
    begin_step,
    connect,
    open_source,
    open_step,
    open_store,
    progressing,
)
from nexus_import.phases.gates import make_gate, run_checks, store_results
from nexus_import.settings import Settings
from nexus_import.snapshot import Snapshot, SnapshotRecord, read_snapshot
from nexus_import.storage import ObjectStore, StoredObject

log = logging.getLogger("nexus_import")
PHASE = "Phase 0"
FETCH_POOL = "filemaker"


@dataclass(frozen=True)
class Fetched:
    """A finished snapshot of one entity."""

    entity: str
    attempt: int
    manifest: StoredObject
    record_count: int
    is_absent: bool = False


@task_group(group_id="phase_0_validate", group_display_name="Phase 0: Pre-Import Validation")
def validate() -> None:
    """Back up, verify FileMaker, fetch and stage every entity, run the checks, and stop if one fails."""
    back_up, verify, staged = back_up_database(), verify_filemaker(), stage_entities()
    completeness, system_config = check_completeness(), check_system_config()
    fetches = [
        task(task_id=task_id, pool=FETCH_POOL, multiple_outputs=False)(make_fetch(task_id, read))()
        for task_id, read in entities.FETCHES.items()
    ]
    gate = make_gate("gate_0", PHASE, "phase_0")(system_config)
    # The backup comes before anything is read; staging needs every entity; checks run one after the other.
    chain(back_up, verify, fetches, staged, completeness, system_config, gate)


@task(multiple_outputs=False)
def back_up_database() -> Counts:
    """Export all tables to CSV on S3. Clearing is safe: a run takes one backup and never overwrites it."""
    with begin_step("back_up", PHASE, "Backing up the Nexus database") as begun:
        present = find_run_backup(begun.settings, begun.run_id)
        backup = present or take_run_backup(begun.settings, begun.run_id)
        with begun.transaction() as step:
            if present is None:
                record_backup(step.connection, backup)
            step.finish(
                f"Backed up {backup.table_count:,} tables with {backup.row_count:,} rows ({backup.byte_count:,} bytes)",
                records=backup.row_count,
                table_count=backup.table_count,
                row_count=backup.row_count,
                byte_count=backup.byte_count,
                attempt=backup.attempt,
            )
    return step.counts


def find_run_backup(settings: Settings, run_id: str) -> Backup | None:
    """Return the run's newest backup, None when it has none that is whole."""
    with connect(settings.policy.connections.nexus) as connection:
        backup = latest_backup(connection, run_id)
    if backup is None:
        return None
    if damage := find_damage(open_store(settings), backup.manifest_key, backup.manifest_sha256):
        log.warning("Backup %s is not whole: %s; taking another", backup.manifest_key, damage)
        return None
    log.info("This run has its backup already: %s", backup.manifest_key)
    return backup


def take_run_backup(settings: Settings, run_id: str, snapshot_id: str | None = None) -> Backup:
    """Take the run's next backup with the backup role; the caller records it.

    `snapshot_id`, exported by another transaction, makes the backup exactly what that transaction sees.
    """
    store = open_store(settings)
    tables = settings.policy.copied_tables
    with connect(settings.policy.connections.backup) as connection:
        require_restricted(connection, "backup")
        attempt = next_attempt(connection, store, run_id)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            if snapshot_id is not None:
                connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot_id)))
            backup = take_backup(connection, store, run_id, attempt, tables, counted=_count_tables)
    log.info("Backup manifest: s3://%s/%s", store.bucket, backup.manifest_key)
    return backup


def _count_tables(names: list[str]) -> Iterator[str]:
    return progressing(PHASE, "tables backed up", len(names)).each(names)


@task(pool=FETCH_POOL, multiple_outputs=False)
def verify_filemaker() -> Counts:
    """Test that FileMaker, or its exported files, can be read, and that the mapping fits FileMaker and Nexus.

    Every mistake of all mapping files is named at once: unknown layouts and fields, tables and columns, types.
    Clearing is safe and, with downstream, is what to do after something was corrected in FileMaker.
    """
    with begin_step("verify_filemaker", PHASE, "Testing the FileMaker connection") as begun:
        mappings = list(begun.settings.mappings.values())
        with connect(begun.settings.policy.connections.nexus) as connection:
            mistakes = find_mapping_mistakes(connection, mappings)
        with open_source(begun.settings.policy.connections.filemaker) as source:
            present = [mapping for mapping in begun.settings.read_mappings() if not is_absent(source, mapping)]
            read = {mapping.entity for mapping in present}
            again = [mapping for mapping in mappings if mapping.records_of in read]
            require_none([*mistakes, *find_source_mistakes(source, [*present, *again])])
            record_counts = {f"{mapping.entity}_count": source.found_count(mapping) for mapping in present}
            absent = [mapping for mapping in begun.settings.read_mappings() if mapping not in present]
            for mapping in absent:
                what = f"{source.where(mapping.layout)} is not there: {mapping.label} are left as they are"
                place = mapping.mistake("layout", what)
                log.warning("%s: %s; if FileMaker has it under another name, write that here", PHASE, place)
        with begun.transaction() as step:
            left = f"; not there: {', '.join(mapping.label for mapping in absent)}" if absent else ""
            step.finish(
                f"{source.verified}: {len(record_counts)} layouts readable{left}",
                records=sum(record_counts.values()),
                **record_counts,
            )
    return step.counts


def is_absent(source: Source, mapping: EntityMapping) -> bool:
    """Tell whether the layout is missing and may be."""
    return mapping.optional and source.lacks_layout(mapping.layout)


def make_fetch(task_id: str, read: tuple[str, ...]) -> Callable[[], Counts]:
    """Return the body of a fetch task, which reads these entities one after the other."""
    what = task_id.removeprefix("fetch_")

    def fetch() -> Counts:
        """Read entities from FileMaker into the snapshot on S3.

        Clearing is safe: a fetch that had not finished goes on, one that had finished reads again, anew.
        """
        with begin_step(task_id, PHASE, f"Fetching {what} from FileMaker") as begun:
            # minutes with a slow FileMaker: no transaction is open meanwhile
            mapped = [mapping for mapping in begun.settings.read_mappings() if mapping.entity in read]
            fetched = [fetch_entity(begun.settings, begun.run_id, mapping) for mapping in mapped]
            with begun.transaction() as step:
                for one in fetched:
                    record_snapshot(step.connection, step.run_id, one)
                step.finish(
                    _fetched_in_words(step.settings, fetched),
                    records=sum(one.record_count for one in fetched),
                    record_count=sum(one.record_count for one in fetched),
                    attempt=max((one.attempt for one in fetched), default=0),
                )
        return step.counts

    fetch.__name__ = task_id
    return fetch


def _fetched_in_words(settings: Settings, fetched: list[Fetched]) -> str:
    if not fetched:
        return "Skipped: this clinic's mapping has none of them"
    return "Fetched " + ", ".join(
        f"no {settings.mappings[one.entity].label} (skipped: FileMaker has no such layout)"
        if one.is_absent
        else f"{one.record_count:,} {settings.mappings[one.entity].label}"
        for one in fetched
    )


def fetch_entity(settings: Settings, run_id: str, mapping: EntityMapping) -> Fetched:
    """Walk the layout and store page after page; return the finished snapshot."""
    snapshot = Snapshot.open(open_store(settings), run_id, mapping.entity)
    resumed = snapshot.resume()
    if resumed:
        log.info("Going on with attempt %d after %d records", snapshot.attempt, len(resumed.already_read))
    told = progressing(PHASE, mapping.label)
    with open_source(settings.policy.connections.filemaker) as source:
        if is_absent(source, mapping):
            return Fetched(mapping.entity, snapshot.attempt, snapshot.finish({"is_absent": True}, ()), 0, True)
        require_fields(source, mapping)  # one that went since the test would be empty in every record
        walk = source.walk(
            mapping,
            after=resumed.cursor if resumed else None,
            already_read=resumed.already_read if resumed else None,
        )
        for page in walk:
            records: list[SnapshotRecord] = [
                (record.record_id, record.mod_id, record.fields) for record in page.records
            ]
            snapshot.write_page(page.number, records, page.cursor.to_dict(), is_reread=page.is_reread)
            told.total = page.found_at_start
            told.reach(page.read_count)
        told.end()
    stored = snapshot.finish(asdict(walk.summary), walk.summary.vanished_record_ids)
    count = walk.summary.distinct_read - len(walk.summary.vanished_record_ids)
    return Fetched(mapping.entity, snapshot.attempt, stored, count)


def record_snapshot(connection: Connection[Any], run_id: str, fetched: Fetched) -> None:
    """Write a finished snapshot to the journal: from now on it is the one that is staged."""
    connection.execute(
        "INSERT INTO nexus_import.snapshot (run_id, entity, attempt, manifest_key, manifest_sha256, record_count,"
        "  is_absent) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        # an attempt that lost its manifest is finished once more
        " ON CONFLICT (run_id, entity, attempt) DO UPDATE SET fetched_at = excluded.fetched_at,"
        "  manifest_sha256 = excluded.manifest_sha256, record_count = excluded.record_count,"
        "  is_absent = excluded.is_absent",
        (
            run_id,
            fetched.entity,
            fetched.attempt,
            fetched.manifest.key,
            fetched.manifest.sha256,
            fetched.record_count,
            fetched.is_absent,
        ),
    )


@task(task_id="stage_records", multiple_outputs=False)
def stage_entities() -> Counts:
    """Turn the snapshot into typed rows. Clearing is safe: the staging area is made anew, in one transaction."""
    with open_step("stage", PHASE, "Staging FileMaker's records") as step:
        lock_staging(step.connection, step.run_id)
        allow_waiting(step.connection)
        store = open_store(step.settings)
        unreadable: list[tuple[EntityMapping, ValueFinding]] = []
        for entity, mapping in step.settings.mappings.items():
            count, findings = stage_entity(step, store, mapping)
            step.counts[f"{entity}_count"] = count
            unreadable += [(mapping, finding) for finding in findings]
            say_out_of_scope(step, mapping)
        create_unmapped_tables(step.connection, step.settings.mappings)
        for mapping in step.settings.mappings.values():
            gather_details(step.connection, mapping)
            drop_repeated_findings(step.connection, mapping)
        unreadable = _each_once(unreadable)
        mark_absent(step.connection, find_absent(step))
        store_results(step, [_unreadable_values(step, unreadable)])
        total = sum(step.counts[f"{entity}_count"] for entity in step.settings.mappings)
        step.finish(
            f"Staged {total:,} records", records=total, errors=len(unreadable), values_are_readable=len(unreadable)
        )
    return step.counts


def _each_once(unreadable: list[tuple[EntityMapping, ValueFinding]]) -> list[tuple[EntityMapping, ValueFinding]]:
    """Leave out what two entities found in one record's field: it stands with the one whose records they are."""
    once: dict[tuple[str, str, str, str], tuple[EntityMapping, ValueFinding]] = {}
    for mapping, found in sorted(unreadable, key=lambda pair: pair[0].records_of is not None):
        once.setdefault((mapping.layout, found.record_id, found.field, found.rule), (mapping, found))
    return list(once.values())


def find_absent(step: Step) -> list[str]:
    """Return the entities whose layout FileMaker did not have when the run read it."""
    rows = step.connection.execute(
        "SELECT DISTINCT ON (entity) entity, is_absent FROM nexus_import.snapshot WHERE run_id = %s"
        " ORDER BY entity, attempt DESC",
        (step.run_id,),
    )
    absent = {entity for entity, was_absent in rows if was_absent}
    return sorted(
        mapping.entity
        for mapping in step.settings.mappings.values()
        if (mapping.records_of or mapping.entity) in absent
    )


def stage_entity(step: Step, store: ObjectStore, mapping: EntityMapping) -> tuple[int, list[ValueFinding]]:
    """Stage one entity from the newest snapshot; raise `DataError` when records are missing from it."""
    row = step.connection.execute(
        "SELECT manifest_key, manifest_sha256, record_count FROM nexus_import.snapshot"
        " WHERE run_id = %s AND entity = %s ORDER BY attempt DESC LIMIT 1",
        (step.run_id, mapping.records_of or mapping.entity),
    ).fetchone()
    if row is None:
        raise DataError(
            f"There is no snapshot of {mapping.label} for this run. "
            "Clear phase_0_validate.verify_filemaker with downstream to read FileMaker again."
        )
    lookups = read_lookups(step.connection, mapping.aliases)
    types = {column.name: column.type for column in read_columns(step.connection, mapping.table or "")}
    kinds = {entity: other.key_is for entity, other in step.settings.mappings.items()}
    mapper = RowMapper(mapping, lookups, step.settings.policy.zone, types, kinds)
    create_staging_table(step.connection, mapping)
    records = progressing(PHASE, f"{mapping.label} staged", row[2]).each(read_snapshot(store, row[0], row[1]))
    count, findings = stage_records(step.connection, mapper, records)
    if count != row[2]:
        raise DataError(
            f"The snapshot of {mapping.label} holds {count:,} records instead of the {row[2]:,} that were read. "
            "Clear phase_0_validate.verify_filemaker with downstream to read FileMaker again."
        )
    finish_staging_table(step.connection, mapping.entity)
    return count, findings


def say_out_of_scope(step: Step, mapping: EntityMapping) -> None:
    """Count and log the records that each rule of the mapping puts out of scope."""
    for name, count in count_out_of_scope(step.connection, mapping).items():
        rule = mapping.out_of_scope.get(name)
        step.counts[f"{mapping.entity}_{name}_count"] = count
        becomes = "imported without what others must have" if rule and rule.then == "import" else "skipped"
        log.info("%s: %s %s are out of scope by the rule %s: %s", PHASE, f"{count:,}", mapping.label, name, becomes)


def _unreadable_values(step: Step, unreadable: list[tuple[EntityMapping, ValueFinding]]) -> CheckResult:
    return CheckResult(
        READABLE,
        "Every value can be read as its column needs it",
        step.settings.severity(READABLE, "stop"),
        "Correct these fields in FileMaker",
        [
            Finding(mapping.entity, item.record_id, item.filemaker_id, None, item.field, item.rule)
            for mapping, item in unreadable
        ],
    )


@task(multiple_outputs=False)
def check_completeness() -> Counts:
    """Run the completeness checks on FileMaker's records. Clearing is safe."""
    with open_step("check_completeness", PHASE, "Validating FileMaker data completeness") as step:
        require_staging(step.connection, step.run_id)
        run_checks(step, "phase_0", group="completeness")
    return step.counts


@task(multiple_outputs=False)
def check_system_config() -> Counts:
    """Check that every name FileMaker uses exists in Nexus, and Nexus's tables are declared. Clearing is safe."""
    with open_step("check_system_config", PHASE, "Validating names against the system config") as step:
        require_staging(step.connection, step.run_id)
        settings = step.settings
        guard = check_schema(
            step.connection,
            settings.data_policy,
            settings.policy.preserved,
            settings.imported(),
            settings.severity,
        )
        run_checks(step, "phase_0", guard, group="system_config")
    return step.counts
