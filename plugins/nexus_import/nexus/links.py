"""Which columns refer to which tables, whoever says so: the database, Django, or the policy.

A foreign key comes from the catalog. A generic link is Django's: a content type beside a bare id, which may belong to
any table. A plain link is a column that holds an id and that only the policy knows of. Whatever asks what refers to a
row, or what a row refers to, asks here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import ROOT_TABLES, DataPolicy
from nexus_import.nexus.catalog import ForeignKey, read_foreign_keys, read_id_columns
from nexus_import.nexus.generic_links import CONTENT_TYPES, GenericColumn, read_generic_links


class Kind(StrEnum):
    """Who says that the columns refer to the table."""

    FOREIGN_KEY = "foreign key"
    GENERIC = "generic link"
    PLAIN = "plain link"


class Action(StrEnum):
    """What becomes of a row when one that it refers to would go.

    HOLDS: it stays, and so does what it refers to. CASCADES: it goes too. CLEARS: its link is set to NULL.
    DANGLES: it keeps the id of a row that is no longer there, as the application leaves it.
    """

    HOLDS = "holds"
    CASCADES = "cascades"
    CLEARS = "clears"
    DANGLES = "dangles"


@dataclass(frozen=True)
class Link:
    """Columns of `table` that refer to rows of `parent_table` by its `parent_columns`.

    `is_text` says that the id is kept as text; `model` is the content type that a generic link must name, as
    `app_label.model`, in `type_column`.
    """

    table: str
    columns: tuple[str, ...]
    parent_table: str
    parent_columns: tuple[str, ...]
    kind: Kind
    is_nullable: bool
    is_text: bool = False
    type_column: str | None = None
    model: str | None = None

    @property
    def name(self) -> str:
        """The link as findings and the policy name it."""
        return f"{self.table}.{', '.join(self.columns)}"

    def refers(self, child: str, parent: str) -> sql.Composed:
        """Return the condition that the row aliased `child` refers to the one aliased `parent`."""
        pairs = zip(self.columns, self.parent_columns, strict=True)
        conditions: list[sql.Composable] = [
            sql.SQL("{} = {}").format(self._id(child, own), self._parent_id(parent, other)) for own, other in pairs
        ]
        return sql.SQL(" AND ").join([*self._is_of_type(child), *conditions])

    def is_set(self, child: str) -> sql.Composed:
        """Return the condition that the row aliased `child` refers to any row of the parent table."""
        empty = sql.SQL("NULLIF({}, '') IS NOT NULL" if self.is_text else "{} IS NOT NULL")
        conditions = [empty.format(sql.Identifier(child, column)) for column in self.columns]
        return sql.SQL(" AND ").join([*self._is_of_type(child), *conditions])

    def _id(self, child: str, column: str) -> sql.Composable:
        identifier = sql.Identifier(child, column)
        return sql.SQL("lower(btrim({}))").format(identifier) if self.is_text else identifier

    def _parent_id(self, parent: str, column: str) -> sql.Composable:
        identifier = sql.Identifier(parent, column)
        return sql.SQL("{}::text").format(identifier) if self.is_text else identifier

    def _is_of_type(self, child: str) -> list[sql.Composed]:
        if self.type_column is None or self.model is None:
            return []
        app_label, _, model = self.model.partition(".")
        return [
            sql.SQL("{} = (SELECT id FROM public.django_content_type WHERE app_label = {} AND model = {})").format(
                sql.Identifier(child, self.type_column), sql.Literal(app_label), sql.Literal(model)
            )
        ]


def read_links(connection: Connection[Any], policy: DataPolicy) -> list[Link]:
    """Return every link of Nexus: the database's foreign keys, and what the policy declares of the others."""
    keys = read_foreign_keys(connection)
    types = read_id_columns(connection)
    links = [_of_key(key) for key in keys if key.parent_table != CONTENT_TYPES]
    for generic in read_generic_links(connection, policy).pairs:
        links += [_of_generic(generic, table, model) for table, model in policy.content_types.items()]
    for name, parents in policy.plain_links.items():
        table, _, column = name.rpartition(".")
        kind = types.get((table, column))
        if kind and not kind.is_array:
            links += [
                Link(table, (column,), parent, ("id",), Kind.PLAIN, kind.is_nullable, kind.is_text)
                for parent in parents
            ]
    return links


def _of_key(key: ForeignKey) -> Link:
    return Link(key.table, key.columns, key.parent_table, key.parent_columns, Kind.FOREIGN_KEY, key.is_nullable)


def _of_generic(generic: GenericColumn, parent_table: str, model: str) -> Link:
    return Link(
        generic.table,
        (generic.id_column,),
        parent_table,
        ("id",),
        Kind.GENERIC,
        generic.is_nullable,
        generic.is_text,
        generic.type_column,
        model,
    )


def action_of(link: Link, policy: DataPolicy) -> Action:
    """Return what the policy lets become of a row whose link points at one that would go."""
    treatment = policy.treatment(link.table)
    if treatment == "relinked" or policy.is_kept(link.table):
        return Action.HOLDS
    if treatment == "untouched":
        return Action.HOLDS if link.kind is Kind.FOREIGN_KEY else Action.DANGLES
    if link.name in policy.set_null:
        return Action.CLEARS
    if treatment in ("imported", "cascades"):
        return Action.CASCADES
    if link.kind is not Kind.FOREIGN_KEY:
        return Action.DANGLES
    # A key that cannot be NULL must point at something; of a composite one nobody said which part to clear.
    return Action.CLEARS if link.is_nullable and len(link.columns) == 1 else Action.HOLDS


def paths_to(links: Iterable[Link], roots: Iterable[str] = ROOT_TABLES) -> dict[str, list[Link]]:
    """Return the links by which each table reaches a root, the nearest first, directly or through other tables."""
    paths: dict[str, list[Link]] = {root: [] for root in roots}
    known = list(links)
    while True:
        found: dict[str, list[Link]] = {}
        for link in known:
            if link.parent_table in paths and link.table not in paths:
                found.setdefault(link.table, [link, *paths[link.parent_table]])
        if not found:
            break
        paths |= found
    return {table: path for table, path in paths.items() if path}


def store_links(connection: Connection[Any], links: Iterable[Link], policy: DataPolicy) -> None:
    """Keep the links that lead to tables of the working copy, with what they do, for whoever publishes it."""
    connection.execute("DELETE FROM nexus_work.link")
    copied = set(policy.copied_tables)
    rows = [(*vars(link).values(), action_of(link, policy)) for link in links if link.parent_table in copied]
    with connection.cursor().copy("COPY nexus_work.link FROM STDIN") as copy:
        for row in rows:
            copy.write_row([list(value) if isinstance(value, tuple) else value for value in row])


def stored_links(connection: Connection[Any]) -> list[tuple[Link, Action]]:
    """Return the links that this working copy was decided with, and what each does."""
    found = []
    for *values, action in connection.execute("SELECT * FROM nexus_work.link ORDER BY 1, 2, 3"):
        link = Link(*values)
        kept = replace(
            link, columns=tuple(link.columns), parent_columns=tuple(link.parent_columns), kind=Kind(link.kind)
        )
        found.append((kept, Action(action)))
    return found
