"""What refers to what across the border of a restore: found before anything is written, named with counts.

Of the tables that are put back the backup's rows count, of all others the live ones. A foreign key that would not hold
then refuses the restore. Links without a constraint cannot be guarded by the database: they are named for the person
who decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import DataPolicy
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.catalog import ForeignKey, read_foreign_keys, split_name
from nexus_import.nexus.catalog_hazards import read_key_actions
from nexus_import.nexus.links import Kind, Link, read_links
from nexus_import.nexus.restore.loading import LoadedTable

Tables = Mapping[str, LoadedTable]


def require_references(connection: Connection[Any], loaded: Tables) -> None:
    """Raise `RestoreRefused` that counts the rows whose foreign key would not hold after the restore."""
    problems = []
    for key in read_foreign_keys(connection):
        is_child_in, is_parent_in = key.table in loaded, key.parent_table in loaded
        if not (is_child_in or is_parent_in):
            continue
        if count := _count_broken(connection, key, loaded):
            whose = "in the backup refer" if is_child_in else "refer"
            lacks = "the backup does not have" if is_parent_in else "Nexus no longer has"
            columns = ", ".join(key.columns)
            problems.append(
                f"{count:,} rows of {key.table} {whose} ({columns}) to rows of {key.parent_table} that {lacks}"
            )
    if problems:
        raise RestoreRefused(
            f"The restore would leave references to nothing: {'; '.join(problems)}. Nothing was changed. "
            "Restore everything instead, or remove or re-link these rows in Nexus first."
        )


def _count_broken(connection: Connection[Any], key: ForeignKey, loaded: Tables) -> int:
    pairs = list(zip(key.columns, key.parent_columns, strict=True))
    return _count(
        connection,
        sql.SQL("SELECT count(*) FROM {} AS child WHERE {} AND NOT EXISTS (SELECT FROM {} AS parent WHERE {})").format(
            _rows_after(key.table, loaded),
            sql.SQL(" AND ").join(sql.SQL("child.{} IS NOT NULL").format(sql.Identifier(own)) for own, _ in pairs),
            _rows_after(key.parent_table, loaded),
            sql.SQL(" AND ").join(
                sql.SQL("parent.{} = child.{}").format(sql.Identifier(theirs), sql.Identifier(own))
                for own, theirs in pairs
            ),
        ),
    )


def _rows_after(table: str, loaded: Tables) -> sql.Identifier:
    """Return where the rows are that the table will have when the restore is done."""
    return loaded[table].rows if table in loaded else sql.Identifier(*split_name(table))


def unguarded_links(connection: Connection[Any], loaded: Tables, policy: DataPolicy) -> list[Link]:
    """Return the links without a constraint that lead from tables outside the restore to tables in it."""
    return [
        link
        for link in read_links(connection, policy)
        if link.kind is not Kind.FOREIGN_KEY and link.table not in loaded and link.parent_table in loaded
    ]


def name_dangling(connection: Connection[Any], loaded: Tables, links: Iterable[Link]) -> list[str]:
    """Return a sentence per link whose rows would keep the id of a row that goes."""
    sentences = []
    for link in links:
        refers = link.refers("child", "parent")
        count = _count(
            connection,
            sql.SQL(
                "SELECT count(*) FROM {child} AS child WHERE EXISTS (SELECT FROM {present} AS parent WHERE {refers})"
                " AND NOT EXISTS (SELECT FROM {former} AS parent WHERE {refers})"
            ).format(
                child=sql.Identifier(*split_name(link.table)),
                present=loaded[link.parent_table].shape.own_rows,
                former=loaded[link.parent_table].rows,
                refers=refers,
            ),
        )
        if count:
            sentences.append(
                f"{count:,} rows of {link.name} refer to rows of {link.parent_table} that would go, and would keep "
                "the ids of rows that are no longer there"
            )
    return sentences


def marks_of_rule_tables(connection: Connection[Any], loaded: Tables) -> dict[str, str]:
    """Return a mark of each table outside the restore that the database changes when a restored row is taken out.

    The mark differs when any row does. Empty where no key has an ON DELETE rule, as in Nexus itself.
    """
    marks = {}
    for table, _, parent, rule in read_key_actions(connection):
        if parent in loaded and table not in loaded and "ON DELETE" in rule:
            query = sql.SQL(
                "SELECT count(*) || ':' || COALESCE(sum(hashtextextended(child::text, 0)::numeric), 0) FROM {} AS child"
            )
            row = connection.execute(query.format(sql.Identifier(*split_name(table)))).fetchone()
            marks[table] = row[0] if row else ""
    return marks


def _count(connection: Connection[Any], query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
