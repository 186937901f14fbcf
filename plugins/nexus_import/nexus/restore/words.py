"""What a person reads before a restore: the backups that are there, and what would be lost. Counts and names only."""

from __future__ import annotations

from nexus_import.nexus.manifest import RESTORE, FoundBackup, Manifest
from nexus_import.nexus.restore.records import RestorePlan

MEANING = {
    "added": "added since the backup, would go",
    "changed": "changed since, would be put back",
    "removed": "removed since, would come back",
}


def backup_line(backup: FoundBackup) -> str:
    """Return one backup in one line: its name as the form takes it, when it was taken, what is in it."""
    manifest = backup.manifest
    if manifest is None:
        return f"{backup.key}: cannot be used: {backup.problem}"
    why = "taken before a restore" if manifest.purpose == RESTORE else "taken by an import"
    proof = "" if backup.is_proven else "; not in this journal, so its manifest cannot be proven"
    return (
        f"{manifest.name}  {manifest.taken_at:%Y-%m-%d %H:%M} UTC  {len(manifest.tables):,} tables, "
        f"{manifest.row_count:,} rows ({why}, format {manifest.format}{proof})"
    )


def headline(plan: RestorePlan, manifest: Manifest) -> str:
    """Return what is about to be done, in one sentence."""
    what = "patient data" if plan.scope == "patient_data" else "everything"
    return (
        f"Restore {what} of backup {manifest.name}, taken {manifest.taken_at:%Y-%m-%d %H:%M} UTC: "
        f"{plan.change_count:,} rows differ"
    )


def plan_lines(plan: RestorePlan) -> list[str]:
    """Return a line per table that differs, and one per note."""
    lines = [
        f"{table}: " + ", ".join(f"{count:,} {MEANING[action]}" for action, count in counts.items() if count)
        for table, counts in plan.counts.items()
        if any(counts.values())
    ]
    return lines + [f"Note: {note}" for note in plan.notes]


def plan_table(plan: RestorePlan, manifest: Manifest, differences: str) -> str:
    """Return the plan as Markdown for the question to a person; `differences` is where the ids are."""
    lines = [
        f"{headline(plan, manifest)}.",
        "",
        "| table | added since: would go | changed since: would be put back | removed since: would come back |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {table} | {counts['added']:,} | {counts['changed']:,} | {counts['removed']:,} |"
        for table, counts in plan.counts.items()
        if any(counts.values())
    ]
    lines += ["", *(f"- {note}" for note in plan.notes), "", f"The rows by id: `{differences}`."]
    lines += ["", f"Digest of what is shown: `{plan.digest}`."]
    return "\n".join(lines)
