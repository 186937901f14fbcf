"""What an undo leaves alone: rows that others wrote since the publish, and rows that cannot go or come back for these.

Each is written to the journal with the reason. A row that stays may hold back the next one, so everything is asked
again until nothing more is found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import read_unique_keys
from nexus_import.nexus.images import unlike_published
from nexus_import.nexus.links import Kind, Link
from nexus_import.nexus.plan import ACTIONS, Counts
from nexus_import.nexus.publications import Published
from nexus_import.nexus.sql import names
from nexus_import.nexus.working_copy import live


@dataclass(frozen=True)
class Left:
    """A row that is left alone, and why."""

    table: str
    row_id: str
    why: str


@dataclass(frozen=True)
class UndoWork:
    """One undo at work: its connection is in the transaction, and every table is locked.

    `along` are later publishes without a row, which are undone too. `holding` are the links whose row keeps what it
    refers to, `dangling` those whose row does not; `keys` the foreign keys of the publish's tables.
    """

    connection: Connection[Any]
    published: Published
    along: list[Published]
    holding: list[Link]
    dangling: list[Link]
    keys: list[Link]

    @property
    def tables(self) -> list[str]:
        """The tables in which the publish wrote."""
        return sorted(self.published.columns)

    def columns(self, table: str) -> list[str]:
        """Return the columns that a kept row consists of, in their order."""
        return [name for name, _ in self.published.columns[table]]

    def former(self, table: str) -> sql.Identifier:
        """Return the temporary table that holds the rows to put back, as they were."""
        return sql.Identifier("pg_temp", f"former_{self.tables.index(table)}")

    def images(self, table: str, alias: str = "image") -> sql.Composed:
        """Return the condition for the images of a table."""
        return sql.SQL("{alias}.plan_id = {plan_id} AND {alias}.table_name = {table}").format(
            alias=sql.Identifier(alias), plan_id=sql.Literal(self.published.plan_id), table=sql.Literal(table)
        )

    def undone(self, table: str, row_id: sql.Composable) -> sql.Composed:
        """Return the condition that the row is one which the publish wrote and which is not left alone."""
        return sql.SQL(
            "EXISTS (SELECT FROM nexus_import.before_image AS other"
            " WHERE {} AND other.row_id = {} AND other.left_because IS NULL)"
        ).format(self.images(table, "other"), row_id)

    def added(self, table: str) -> sql.Composed:
        """Return the condition for the images of rows that the publish added and that go."""
        return sql.SQL("{} AND image.action = 'add' AND image.left_because IS NULL").format(self.images(table))


def decide(work: UndoWork) -> None:
    """Write to the journal which rows are left alone, and unfold the others into the temporary tables."""
    # what an earlier undo of this publish wrote there says nothing any more
    work.connection.execute(
        "UPDATE nexus_import.before_image SET left_because = NULL WHERE plan_id = %s AND left_because IS NOT NULL",
        (work.published.plan_id,),
    )
    for table in work.tables:
        _leave_what_others_wrote(work, table)
        _unfold(work, table)
    while sum(_find_more(work)):
        continue
    for table in work.tables:
        work.connection.execute(
            sql.SQL("DELETE FROM {} AS former WHERE NOT {}").format(
                work.former(table), work.undone(table, sql.SQL("former.id"))
            )
        )


def _find_more(work: UndoWork) -> Iterable[int]:
    """Yield how many rows more are left alone, by each rule."""
    for link in work.holding:
        yield _leave_what_is_referred_to(work, link)
    for key in work.keys:
        yield _leave_what_would_refer_to_nothing(work, key)
    for table in work.tables:
        for columns in read_unique_keys(work.connection, table):
            yield _leave_what_would_be_there_twice(work, table, columns)


def _leave_what_others_wrote(work: UndoWork, table: str) -> None:
    work.connection.execute(
        sql.SQL(
            "UPDATE nexus_import.before_image AS image SET left_because = CASE"
            "  WHEN image.action = 'remove' THEN 'is there again'"
            "  WHEN unlike.is_there THEN 'changed since the publish' ELSE 'gone since the publish' END"
            " FROM ({unlike}) AS unlike WHERE {images} AND image.row_id = unlike.row_id"
        ).format(
            unlike=unlike_published(work.connection, work.published.plan_id, table),
            images=work.images(table),
        )
    )


def _unfold(work: UndoWork, table: str) -> None:
    """Unfold the rows to put back into a temporary table, with the columns that they consist of.

    Columns that the database computes are no part of a kept row, so it is no row of the live table.
    """
    former = work.former(table)
    work.connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            former, names(work.columns(table)), live(table)
        )
    )
    work.connection.execute(
        sql.SQL(
            "WITH kept AS MATERIALIZED (SELECT image.before_row::{former} AS row"
            "  FROM nexus_import.before_image AS image"
            "  WHERE {images} AND image.action <> 'add' AND image.left_because IS NULL)"
            " INSERT INTO {former} SELECT (kept.row).* FROM kept"
        ).format(former=former, images=work.images(table))
    )
    work.connection.execute(sql.SQL("ANALYZE {}").format(former))


def _leave_what_is_referred_to(work: UndoWork, link: Link) -> int:
    """Leave added rows alone that a row refers to which stays; return how many these are.

    What a changed row was before cannot refer to a row that the publish added, so it does not hold one back.
    """
    stays: sql.Composable = sql.SQL("")
    if link.table in work.published.columns:
        stays = sql.SQL(" AND NOT {}").format(work.undone(link.table, sql.SQL("child.id")))
    return work.connection.execute(
        sql.SQL(
            "UPDATE nexus_import.before_image AS image SET left_because = {why} FROM {parent} AS parent"
            " WHERE {added} AND parent.id = image.row_id AND EXISTS (SELECT FROM {child} AS child"
            "  WHERE {refers}{stays})"
        ).format(
            why=sql.Literal(f"a row of {link.table} refers to it"),
            parent=live(link.parent_table),
            added=work.added(link.parent_table),
            child=live(link.table),
            refers=link.refers("child", "parent"),
            stays=stays,
        )
    ).rowcount


def _leave_what_would_refer_to_nothing(work: UndoWork, key: Link) -> int:
    """Leave rows alone that were to be put back and referred to a row which is gone; return how many these are."""
    comes_back: sql.Composable = sql.SQL("")
    if key.parent_table in work.published.columns:
        comes_back = sql.SQL(" AND NOT EXISTS (SELECT FROM {} AS parent WHERE {} AND {})").format(
            work.former(key.parent_table),
            key.refers("former", "parent"),
            work.undone(key.parent_table, sql.SQL("parent.id")),
        )
    return _leave(
        work,
        key.table,
        f"the row of {key.parent_table} that it referred to is gone",
        sql.SQL("{is_set} AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {refers}){comes_back}").format(
            is_set=key.is_set("former"),
            parent=live(key.parent_table),
            refers=key.refers("former", "parent"),
            comes_back=comes_back,
        ),
    )


def _leave_what_would_be_there_twice(work: UndoWork, table: str, columns: tuple[str, ...]) -> int:
    """Leave rows alone whose unique value a row has that stays; return how many these are."""
    same = [sql.SQL("present.{0} = former.{0}").format(sql.Identifier(column)) for column in columns]
    return _leave(
        work,
        table,
        f"another row has its {', '.join(columns)} now",
        sql.SQL("EXISTS (SELECT FROM {} AS present WHERE {} AND present.id <> former.id AND NOT {})").format(
            live(table), sql.SQL(" AND ").join(same), work.undone(table, sql.SQL("present.id"))
        ),
    )


def _leave(work: UndoWork, table: str, why: str, condition: sql.Composed) -> int:
    """Leave rows to put back alone for which the condition on `former` holds; return how many these are."""
    return work.connection.execute(
        sql.SQL(
            "UPDATE nexus_import.before_image AS image SET left_because = {why} FROM {former} AS former"
            " WHERE {images} AND image.row_id = former.id AND image.left_because IS NULL AND {condition}"
        ).format(why=sql.Literal(why), former=work.former(table), images=work.images(table), condition=condition)
    ).rowcount


def count_undone(work: UndoWork) -> Counts:
    """Return the rows that are undone, per table and by what the publish had done there."""
    counts: Counts = {table: dict.fromkeys(ACTIONS, 0) for table in work.tables}
    rows = work.connection.execute(
        "SELECT table_name, action, count(*) FROM nexus_import.before_image"
        " WHERE plan_id = %s AND left_because IS NULL GROUP BY 1, 2",
        (work.published.plan_id,),
    )
    for table, action, count in rows:
        counts[table][action] = count
    return counts


def read_left(work: UndoWork) -> list[Left]:
    """Return the rows that are left alone, by table and id."""
    rows = work.connection.execute(
        "SELECT table_name, row_id::text, left_because FROM nexus_import.before_image"
        " WHERE plan_id = %s AND left_because IS NOT NULL ORDER BY table_name, row_id",
        (work.published.plan_id,),
    )
    return [Left(*row) for row in rows]


def make_notes(work: UndoWork) -> list[str]:
    """Return what else a person must know: publishes undone with this one, and ids that will lead nowhere."""
    notes = [f"the publish of run {other.run_id}, which changed no row, is undone with it" for other in work.along]
    for link in work.dangling:
        row = work.connection.execute(
            sql.SQL(
                "SELECT count(*) FROM {child} AS child WHERE EXISTS (SELECT FROM nexus_import.before_image AS image"
                " JOIN {parent} AS parent ON parent.id = image.row_id WHERE {added} AND {refers})"
            ).format(
                child=live(link.table),
                parent=live(link.parent_table),
                added=work.added(link.parent_table),
                refers=link.refers("child", "parent"),
            )
        ).fetchone()
        if row and row[0]:
            notes.append(
                f"{row[0]:,} rows of {link.name} refer to rows of {link.parent_table} that go, and keep the ids of "
                "rows that are no longer there"
            )
    return notes


def foreign_keys(links: Iterable[Link], tables: Iterable[str]) -> list[Link]:
    """Return the links that a constraint guards and that lead from these tables."""
    own = set(tables)
    return [link for link in links if link.kind is Kind.FOREIGN_KEY and link.table in own]
