"""What a plan takes from live Nexus that cannot be brought again: rows, links, and the patient of a document."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.approval import FILE_TABLES
from nexus_import.nexus.links import Action, stored_links
from nexus_import.nexus.plan import Plan
from nexus_import.nexus.working_copy import before, work


def count_nexus_only_removed(connection: Connection[Any], plan_id: int) -> dict[str, int]:
    """Return per table how many rows the plan removes that did not come from FileMaker."""
    rows = connection.execute(
        "SELECT plan_row.table_name, count(*) FROM nexus_import.plan_row"
        " LEFT JOIN nexus_work.former_patient AS former"
        "   ON plan_row.table_name = 'patients' AND former.nexus_id = plan_row.row_id"
        " LEFT JOIN nexus_work.before_appointments AS appointment"
        "   ON plan_row.table_name = 'appointments' AND appointment.id = plan_row.row_id"
        "   AND appointment.filemaker_event_id IS NOT NULL"
        " LEFT JOIN nexus_import.identity AS known ON known.nexus_id = plan_row.row_id"
        " WHERE plan_row.plan_id = %s AND plan_row.action = 'remove'"
        "   AND former.nexus_id IS NULL AND appointment.id IS NULL AND known.nexus_id IS NULL GROUP BY 1",
        (plan_id,),
    )
    return dict(rows.fetchall())


def count_cleared(connection: Connection[Any], plan: Plan) -> dict[str, int]:
    """Return per link (`table.column`) how many rows the plan lets lose it, whatever word of the policy did it."""
    found: Counter[str] = Counter()
    for link, action in stored_links(connection):
        if action is not Action.CLEARS or not plan.counts.get(link.table, {}).get("change"):
            continue
        columns = [sql.Identifier("present", column) for column in link.columns]
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM nexus_import.plan_row AS planned"
                " JOIN {work} AS present ON present.id = planned.row_id"
                " JOIN {before} AS former ON former.id = planned.row_id"
                " JOIN {parent} AS parent ON {refers}"
                " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action = 'change'"
                " AND {cleared}"
            ).format(
                work=work(link.table),
                before=before(link.table),
                parent=before(link.parent_table),
                refers=link.refers("former", "parent"),
                plan_id=sql.Literal(plan.plan_id),
                table=sql.Literal(link.table),
                cleared=sql.SQL(" AND ").join(sql.SQL("{} IS NULL").format(column) for column in columns),
            )
        ).fetchone()
        found[link.name] += int(row[0]) if row else 0
    return {name: count for name, count in found.items() if count}


def count_moved_files(connection: Connection[Any], plan_id: int) -> dict[str, int]:
    """Return per table how many documents and batches the plan takes from a patient who is there to another."""
    found = {}
    for table in FILE_TABLES:
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM nexus_import.plan_row AS planned"
                " JOIN {before} AS former ON former.id = planned.row_id"
                " JOIN nexus_work.before_patients AS patient ON patient.id = former.object_id"
                " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table}"
                " AND 'object_id' = ANY (planned.changed_columns)"
            ).format(before=before(table), plan_id=sql.Literal(plan_id), table=sql.Literal(table))
        ).fetchone()
        found[table] = int(row[0]) if row else 0
    return found


def count_contradicted_files(connection: Connection[Any], plan_id: int) -> dict[str, int]:
    """Return per table how many documents and batches the plan links otherwise than FileMaker's own record says.

    A row whose link stays as it is was decided before and is not counted: it would ask a person every night.
    """
    rows = connection.execute(
        "SELECT decision.table_name, count(*) FROM nexus_work.decision AS decision"
        " JOIN nexus_import.plan_row AS planned"
        "   ON planned.table_name = decision.table_name AND planned.row_id = decision.row_id"
        " WHERE planned.plan_id = %s AND 'object_id' = ANY (planned.changed_columns)"
        "   AND 'record' = ANY (decision.disagreeing) GROUP BY 1",
        (plan_id,),
    )
    return dict(rows.fetchall())
