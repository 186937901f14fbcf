"""What the import remembers from run to run, and its own undo: identities, and digests of what FileMaker said.

Every entry that a publish changes is kept as it was, so that an undo makes the import remember what it did before:
else a value that was put back would look like one that staff had edited.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.rows import published_digests

_MEMORIES = {
    "identity": sql.SQL("known.entity || ':' || known.filemaker_id"),
    "published_row": sql.SQL("known.table_name || ':' || known.row_id"),
}
"""The key of an entry."""
_ROWS = {"identity": sql.Identifier("nexus_id"), "published_row": sql.Identifier("row_id")}
"""The column that says of which row an entry speaks."""


def remember(connection: Connection[Any], run_id: str, plan_id: int, mappings: list[EntityMapping]) -> None:
    """Keep which row each FileMaker record became, and digests of what FileMaker said, for the next run."""
    _remember_identities(connection, plan_id, [mapping.entity for mapping in mappings])
    for mapping in mappings:
        _remember_digests(connection, plan_id, mapping)
    connection.execute(
        "INSERT INTO nexus_import.relink_decision (run_id, table_name, row_id, patient_id, evidence, disagreeing)"
        " SELECT %s, table_name, row_id, patient_id, evidence, disagreeing FROM nexus_work.decision"
        " ON CONFLICT (run_id, table_name, row_id) DO UPDATE SET patient_id = excluded.patient_id,"
        "  evidence = excluded.evidence, disagreeing = excluded.disagreeing",
        (run_id,),
    )


def remember_as_before(connection: Connection[Any], plan_id: int) -> None:
    """Put the entries that the publish of this plan changed back to what they were.

    Rows that its undo leaves alone still hold what was published, so what is remembered of them stays: else the next
    import would take FileMaker's own values for edits of staff, or not know the row again.
    """
    for memory, key in _MEMORIES.items():
        table = sql.Identifier("nexus_import", memory)
        connection.execute(
            sql.SQL(
                "DELETE FROM {table} AS known USING nexus_import.memory_image AS image"
                " WHERE image.plan_id = {plan_id} AND image.memory = {memory} AND image.key = {key}"
                " AND NOT EXISTS (SELECT FROM nexus_import.before_image AS kept WHERE kept.plan_id = {plan_id}"
                "  AND kept.row_id = known.{row} AND kept.action <> 'remove' AND kept.left_because IS NOT NULL)"
            ).format(
                table=table,
                plan_id=sql.Literal(plan_id),
                memory=sql.Literal(memory),
                key=key,
                row=_ROWS[memory],
            )
        )
        connection.execute(
            sql.SQL(
                "INSERT INTO {table} SELECT (image.before_entry::{table}).* FROM nexus_import.memory_image AS image"
                " WHERE image.plan_id = {plan_id} AND image.memory = {memory} AND image.before_entry IS NOT NULL"
                " ON CONFLICT DO NOTHING"
            ).format(table=table, plan_id=sql.Literal(plan_id), memory=sql.Literal(memory))
        )


def _remember_identities(connection: Connection[Any], plan_id: int, entities: list[str]) -> None:
    """Keep what the records of these entities became; those of others were not read and are what they were."""
    connection.execute(
        sql.SQL(
            "WITH gone AS (DELETE FROM nexus_import.identity AS known"
            " WHERE known.entity = ANY({entities}) AND NOT EXISTS"
            " (SELECT FROM nexus_work.identity AS present"
            "  WHERE (present.entity, present.filemaker_id, present.nexus_id)"
            "   = (known.entity, known.filemaker_id, known.nexus_id)) RETURNING known.*)"
            " INSERT INTO nexus_import.memory_image (plan_id, memory, key, before_entry)"
            " SELECT {plan_id}, 'identity', {key}, known::text FROM gone AS known"
        ).format(plan_id=sql.Literal(plan_id), key=_MEMORIES["identity"], entities=sql.Literal(entities))
    )
    connection.execute(
        sql.SQL(
            "WITH added AS (INSERT INTO nexus_import.identity (entity, filemaker_id, nexus_id, matched_by)"
            " SELECT entity, filemaker_id, nexus_id, matched_by FROM nexus_work.identity"
            " ON CONFLICT DO NOTHING RETURNING *)"
            " INSERT INTO nexus_import.memory_image (plan_id, memory, key)"
            " SELECT {plan_id}, 'identity', {key} FROM added AS known ON CONFLICT DO NOTHING"
        ).format(plan_id=sql.Literal(plan_id), key=_MEMORIES["identity"])
    )


def _remember_digests(connection: Connection[Any], plan_id: int, mapping: EntityMapping) -> None:
    connection.execute(
        sql.SQL(
            "WITH wanted AS (SELECT {table}::text AS table_name, present.id AS row_id, {digests} AS digests"
            " FROM {work} AS present"
            " JOIN nexus_work.identity AS identity ON identity.entity = {entity} AND identity.nexus_id = present.id"
            " JOIN (SELECT DISTINCT ON (filemaker_id) * FROM {staging} ORDER BY filemaker_id, record_id) AS staged"
            "   ON staged.filemaker_id = identity.filemaker_id),"
            " changed AS (SELECT wanted.table_name, wanted.row_id, wanted.digests, known::text AS before_entry"
            "  FROM wanted LEFT JOIN nexus_import.published_row AS known USING (table_name, row_id)"
            "  WHERE known.digests IS DISTINCT FROM wanted.digests),"
            " kept AS (INSERT INTO nexus_import.memory_image (plan_id, memory, key, before_entry)"
            "  SELECT {plan_id}, 'published_row', {key}, before_entry FROM changed AS known)"
            " INSERT INTO nexus_import.published_row (table_name, row_id, digests)"
            " SELECT table_name, row_id, digests FROM changed"
            " ON CONFLICT (table_name, row_id) DO UPDATE SET digests = excluded.digests"
        ).format(
            table=sql.Literal(mapping.table),
            digests=published_digests(mapping),
            work=sql.Identifier("nexus_work", mapping.table or ""),
            entity=sql.Literal(mapping.entity),
            staging=sql.Identifier("nexus_staging", mapping.entity),
            plan_id=sql.Literal(plan_id),
            key=_MEMORIES["published_row"],
        )
    )
