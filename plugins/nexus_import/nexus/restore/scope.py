"""Which tables a restore puts back, and whether they still have the shape that the backup knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg import Connection

from nexus_import.core.data_policy import DataPolicy
from nexus_import.errors import RestoreRefused
from nexus_import.nexus.catalog import read_all_tables, read_missing_rights, split_name
from nexus_import.nexus.manifest import Manifest, SavedTable
from nexus_import.nexus.shapes import Shape, read_shape

ScopeName = Literal["patient_data", "everything"]
PATIENT_DATA: ScopeName = "patient_data"
EVERYTHING: ScopeName = "everything"


@dataclass(frozen=True)
class Scope:
    """The tables to put back, and those that cannot be or are left alone.

    `gone` are in the backup, without a row, and no longer in Nexus; `unknown` are in Nexus and not in the backup;
    `left_out` the backup left out, with the reason; `forbidden` are of other schemas, where this role may not write.
    """

    name: ScopeName
    tables: Mapping[str, SavedTable]
    gone: tuple[str, ...]
    unknown: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """Return what a person must know of the tables that are left out, one sentence a table."""
        notes = [
            f"table {table} of the backup, which had no row, is not in Nexus any more and is left out"
            for table in self.gone
        ]
        notes += [f"table {table} is not in the backup and is left as it is" for table in self.unknown]
        notes += [f"table {table} was left out of the backup: {why}" for table, why in self.left_out.items()]
        return notes + [
            f"table {table} of the backup is left out: this role may not write it (GRANT INSERT, UPDATE, DELETE ON "
            f"{table} TO nexus_restore)"
            for table in self.forbidden
        ]


def find_scope(connection: Connection[Any], manifest: Manifest, name: ScopeName, policy: DataPolicy) -> Scope:
    """Return what is to be put back; raise `RestoreRefused` when that is nothing, or rows of it have no table now."""
    live = set(read_all_tables(connection))
    wanted = set(policy.copied_tables) if name == PATIENT_DATA else live | set(manifest.tables)
    saved = {table: manifest.tables[table] for table in sorted(wanted & set(manifest.tables))}
    others = [table for table in saved if split_name(table)[0] != "public"]
    forbidden = tuple(read_missing_rights(connection, others))
    scope = Scope(
        name,
        {table: entry for table, entry in saved.items() if table in live and table not in forbidden},
        tuple(table for table in saved if table not in live),
        tuple(sorted((wanted & live) - set(manifest.tables) - set(manifest.left_out))),
        manifest.left_out if name == EVERYTHING else {},
        forbidden,
    )
    if not scope.tables:
        raise RestoreRefused(
            f"Nexus has none of the {len(saved):,} tables to be put back. Create Nexus's tables first (its "
            "migrations), and run include/sql/grants.sql."
        )
    _refuse_lost_tables({table: saved[table].row_count for table in scope.gone if saved[table].row_count})
    return scope


def _refuse_lost_tables(lost: Mapping[str, int]) -> None:
    """Raise `RestoreRefused` that names tables which the backup has rows of and Nexus lacks: half would look whole."""
    if not lost:
        return
    named = "; ".join(f"{table} ({rows:,} rows)" for table, rows in lost.items())
    raise RestoreRefused(
        f"Nexus lacks {len(lost):,} tables that the backup holds rows of: {named}. Nothing was changed: without them "
        "the restore would not be whole. Make these tables again (the migrations of Nexus, in the version of the "
        "backup), run include/sql/grants.sql, and restore; or, if they went for good, restore beside and copy what is "
        "needed (docs/runbook.md)."
    )


def read_shapes(connection: Connection[Any], tables: Iterable[SavedTable]) -> dict[str, Shape]:
    """Return the present shape of each table; raise `RestoreRefused` that names every column that differs.

    The order of the columns does not matter. Format 1 knows no types: only names are compared then.
    """
    shapes, differences = {}, []
    for saved in tables:
        shape = read_shape(connection, saved.table, saved.schema)
        if shape is None:
            differences.append(f"{saved.name}: the table is gone")
            continue
        shapes[saved.name] = shape
        if differing := column_differences(saved, shape):
            differences.append(f"{saved.name}: {', '.join(differing)}")
    if differences:
        raise RestoreRefused(
            f"{len(differences):,} tables have other columns than when the backup was taken: "
            f"{'; '.join(differences)}. Nothing was changed. Bring Nexus to the version of the backup (its "
            "migrations), restore, and migrate again; or restore beside and copy what is needed (docs/runbook.md)."
        )
    return shapes


def column_differences(saved: SavedTable, shape: Shape) -> list[str]:
    """Return how the columns differ, one phrase each; empty when they are the same."""
    then = {column.name: column for column in saved.columns}
    now = {column.name: column for column in shape.columns}
    differences = [f"column {name} is gone" for name in then if name not in now]
    differences += [f"column {name} is new" for name in now if name not in then]
    for name in (name for name in then if name in now):
        if then[name].type is not None and then[name].type != now[name].type:
            differences.append(f"column {name} was {then[name].type} and is {now[name].type}")
        if then[name].is_generated is not None and then[name].is_generated != now[name].is_generated:
            was, now_is = ("generated", "stored") if then[name].is_generated else ("stored", "generated")
            differences.append(f"column {name} was {was} and is {now_is}")
    return differences
