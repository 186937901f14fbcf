"""What a person reads before and after the undo of a publish. Counts, names of tables and ids only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nexus_import.nexus.publications import Published, in_the_way, when_undone
from nexus_import.nexus.restore.records import UndoPlan
from nexus_import.nexus.undo_deciding import Left

MEANING = {
    "added": "added by it, would go",
    "changed": "changed by it, would be put back",
    "removed": "removed by it, would come back",
}
NAMED_IN_LOG = 500
NAMED_IN_QUESTION = 20


def publication_line(found: Sequence[Published], entry: Published) -> str:
    """Return one publish in one line: its run as the form takes it, when, what it did, and whether it can be undone."""
    return (
        f"{entry.run_id}  {entry.published_at:%Y-%m-%d %H:%M} UTC  {entry.count('add'):,} added, "
        f"{entry.count('change'):,} changed, {entry.count('remove'):,} removed ({_state(found, entry)})"
    )


def _state(found: Sequence[Published], entry: Published) -> str:
    if not entry.stands:
        return f"undone already, {when_undone(entry)}"
    if entry.kept_count != entry.change_count:
        return "cannot be undone any more: the policy's retention removed the rows as they were before"
    if other := in_the_way(found, entry):
        return f"can be undone after that of run {other.run_id}"
    return "can be undone" if entry.change_count else "changed no row"


def undo_headline(plan: UndoPlan, published: Published) -> str:
    """Return what is about to be done, in one sentence."""
    return (
        f"Undo the publish of run {published.run_id}, published {published.published_at:%Y-%m-%d %H:%M} UTC: "
        f"{plan.change_count:,} rows would be put back, {len(plan.left):,} left alone"
    )


def undo_lines(plan: UndoPlan) -> list[str]:
    """Return a line per table, one per row that is left alone, and one per note."""
    lines = [
        f"{table}: " + ", ".join(f"{count:,} {MEANING[action]}" for action, count in counts.items() if count)
        for table, counts in plan.counts.items()
        if any(counts.values())
    ]
    return [*lines, *left_lines(plan.left, NAMED_IN_LOG), *(f"Note: {note}" for note in plan.notes)]


def left_lines(left: Sequence[Left], named: int) -> list[str]:
    """Return a line for each of the first rows that are left alone, and where to find the others."""
    lines = [f"Left alone: {row.table} {row.row_id}: {row.why}" for row in left[:named]]
    if len(left) > named:
        lines.append(
            f"{len(left) - named:,} more are left alone: left_rows of the newest nexus_import.restore_plan names all"
        )
    return lines


def undo_table(plan: UndoPlan, published: Published) -> str:
    """Return the plan as Markdown for the question to a person."""
    left: dict[str, int] = {}
    for row in plan.left:
        left[row.table] = left.get(row.table, 0) + 1
    lines = [
        f"{undo_headline(plan, published)}.",
        "",
        "| table | added by it: would go | changed: would be put back | removed: would come back | left alone |",
        "|---|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {table} | {counts['added']:,} | {counts['changed']:,} | {counts['removed']:,} | {left.get(table, 0):,} |"
        for table, counts in plan.counts.items()
        if any(counts.values()) or table in left
    ]
    lines += ["", *_listed(left_lines(plan.left, NAMED_IN_QUESTION)), *_listed(plan.notes)]
    return "\n".join([*lines, "", f"Digest of what is shown: `{plan.digest}`."])


def _listed(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]
