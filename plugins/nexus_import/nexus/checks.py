"""Checks: SQL files that return the rows which break a rule, none when it holds.

The file's header gives `title`, `entity`, `severity` (stop or warn) and `todo`; where names are looked up,
`lookup`; where the detail is a reason to be counted, `count_by: detail`; where a folder has several check tasks, the
`group` of the one that runs it. `same_as` borrows another check's query. Each row is (record_id, filemaker_id,
nexus_id, field, detail) and may add the entity. Ids, field names and names of preserved rows only: never health data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import Lookup
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.sql import include_folder, read_header, read_sql

FOLDER = "checks"
SEVERITIES = ("stop", "warn")
CHECKS_WITHOUT_A_FILE = frozenset(
    {
        "phase_0/values_are_readable",
        "phase_0/tables_are_declared",
        "phase_0/links_are_declared",
        "phase_0/columns_are_known",
        "phase_0/no_hidden_side_effects",
        "phase_0/rights_are_granted",
        "phase_0/foreign_keys_are_indexed",
        "phase_2/nexus_only_patients",
        "phase_2/nexus_only_appointments",
        "phase_2/vanished_patients",
        "phase_2/vanished_appointments",
        "phase_2/vanished_notes",
        "phase_2/vanished_letters",
        "phase_2/vanished_reminders",
        "phase_3/both_sides_changed_patients",
        "phase_4/both_sides_changed_appointments",
        "phase_4/clinical_text_kept_of_appointments",
        "phase_5/both_sides_changed_notes",
        "phase_5/both_sides_changed_letters",
        "phase_5/both_sides_changed_reminders",
        "phase_5/clinical_text_kept_of_notes",
        "publish/nothing_left_behind",
        "phase_5/clinical_text_kept_of_letters",
        "phase_5/clinical_text_kept_of_reminders",
        "phase_8/foreign_keys_hold",
        "phase_8/file_sizes_agree",
        "phase_8/files_exist",
        "phase_8/objects_have_rows",
        "phase_8/documents_download",
        "phase_8/images_display",
    }
)
"""Checks that are made in Python; the policy may change their severity like that of any other."""
SHOWN_IDS = 5
"""Record ids named in the log line of a failed check; the findings list holds them all."""


@dataclass(frozen=True)
class Finding:
    """One row that breaks a rule."""

    entity: str
    record_id: str | None = None
    filemaker_id: str | None = None
    nexus_id: Any = None
    field: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Check:
    """A check as its file describes it; `query` is the SQL that finds what breaks it."""

    check_id: str
    title: str
    entity: str
    severity: str
    todo: str
    query: str
    lookup: str | None = None
    group: str | None = None
    counts_reasons: bool = False


@dataclass(frozen=True)
class CheckResult:
    """What a check found: its findings, how serious they are, and the sentence for the log."""

    check_id: str
    title: str
    severity: str
    todo: str
    findings: list[Finding] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    allowed: int = 0

    @property
    def is_passed(self) -> bool:
        """A warning never stops a run; a stop does when it found more than is allowed."""
        return self.severity != "stop" or len(self.findings) <= self.allowed

    def sentence(self) -> str:
        """Say what is wrong, how many, which records, and what to do."""
        named = [
            item.record_id or str(item.nexus_id or item.filemaker_id or item.entity)
            for item in self.findings[:SHOWN_IDS]
        ]
        kind = "record" if any(item.record_id for item in self.findings) else "row"
        more = ", …" if len(self.findings) > SHOWN_IDS else ""
        hint = f" {'; '.join(self.suggestions)}." if self.suggestions else ""
        return (
            f"{self.check_id}: {len(self.findings):,} break the rule '{self.title}'"
            f" ({kind} {', '.join(named)}{more})."
            f"{hint} {self.todo}."
        )


def known_checks() -> set[str]:
    """Return the ids of all checks, those with a file and those without."""
    folder = include_folder() / "sql" / FOLDER
    return set(CHECKS_WITHOUT_A_FILE) | {
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.sql")
    }


def load_checks(phase: str) -> list[Check]:
    """Return the checks of a folder such as `phase_3`, by id; adding a check is adding a file."""
    folder = include_folder() / "sql" / FOLDER / phase
    return [load_check(f"{phase}/{path.stem}") for path in sorted(folder.glob("*.sql"))]


def load_check(check_id: str) -> Check:
    """Read one check; raise `ConfigurationError` naming the missing header line."""
    text = read_sql(f"{FOLDER}/{check_id}.sql")
    header = read_header(text)
    if borrowed := header.get("same_as"):
        original = load_check(borrowed)
        return Check(
            check_id,
            header.get("title", original.title),
            original.entity,
            original.severity,
            original.todo,
            original.query,
            original.lookup,
            counts_reasons=original.counts_reasons,
        )
    missing = [key for key in ("title", "entity", "severity", "todo") if key not in header]
    if missing:
        raise ConfigurationError(f"include/sql/{FOLDER}/{check_id}.sql has no header line '{missing[0]}'")
    if header["severity"] not in SEVERITIES:
        raise ConfigurationError(
            f"include/sql/{FOLDER}/{check_id}.sql: severity is '{header['severity']}', not stop or warn"
        )
    return Check(
        check_id,
        header["title"],
        header["entity"],
        header["severity"],
        header["todo"],
        text,
        header.get("lookup"),
        header.get("group"),
        header.get("count_by") == "detail",
    )


def run_check(
    connection: Connection[Any],
    check: Check,
    severity: Callable[[str, str], str],
    lookups: dict[str, Lookup] | None = None,
    allowed: int = 0,
) -> CheckResult:
    """Run one check; `severity(check id, default)` is the policy's word, `allowed` the findings it tolerates."""
    cursor = connection.execute(check.query)
    findings = [_finding(check.entity, row) for row in cursor]
    return CheckResult(
        check.check_id,
        check.title,
        severity(check.check_id, check.severity),
        check.todo,
        findings,
        _reasons(findings) if check.counts_reasons else _suggestions(findings, check.lookup, lookups or {}),
        allowed,
    )


def _finding(entity: str, row: Sequence[Any]) -> Finding:
    record_id, filemaker_id, nexus_id, field_name, detail, *rest = row
    return Finding(rest[0] if rest else entity, record_id, filemaker_id, nexus_id, field_name, detail)


def _reasons(findings: Iterable[Finding]) -> list[str]:
    return [f"{count:,}: {reason}" for reason, count in Counter(item.detail for item in findings).most_common()]


def _suggestions(findings: Iterable[Finding], table: str | None, lookups: dict[str, Lookup]) -> list[str]:
    if table is None or table not in lookups:
        return []
    sentences = []
    for name, count in Counter(item.detail for item in findings).most_common(SHOWN_IDS):
        if lookups[table].is_ambiguous(name):
            sentences.append(f"{count:,} name '{name}', which {table} in Nexus has more than once")
            continue
        near = lookups[table].nearest(name)
        nearest = f"nearest: '{near}'" if near else "nothing is near"
        sentences.append(f"{count:,} name '{name}', which {table} in Nexus does not have ({nearest})")
    return sentences


def record_results(connection: Connection[Any], run_id: str, results: list[CheckResult]) -> None:
    """Replace what these checks found earlier in the run by what they found now."""
    ids = [result.check_id for result in results]
    for table in ("finding", "check_result"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE run_id = %s AND check_id = ANY(%s)").format(
                sql.Identifier("nexus_import", table)
            ),
            (run_id, ids),
        )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO nexus_import.check_result (run_id, check_id, title, severity, finding_count, allowed_count,"
            " is_passed, sentence) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    run_id,
                    result.check_id,
                    result.title,
                    result.severity,
                    len(result.findings),
                    result.allowed,
                    result.is_passed,
                    result.sentence() if result.findings else "",
                )
                for result in results
            ],
        )
    statement = (
        "COPY nexus_import.finding"
        " (run_id, check_id, severity, entity, record_id, filemaker_id, nexus_id, field, detail) FROM STDIN"
    )
    with connection.cursor().copy(statement) as copy:
        for result in results:
            for item in result.findings:
                copy.write_row(
                    (
                        run_id,
                        result.check_id,
                        result.severity,
                        item.entity,
                        item.record_id,
                        item.filemaker_id,
                        item.nexus_id,
                        item.field,
                        item.detail,
                    )
                )


def read_results(connection: Connection[Any], run_id: str, phase: str) -> list[tuple[str, str, int, bool, str]]:
    """Return (check id, severity, finding count, passed, sentence) of each check of the phase, in order."""
    return connection.execute(
        "SELECT check_id, severity, finding_count, is_passed, sentence FROM nexus_import.check_result"
        " WHERE run_id = %s AND split_part(check_id, '/', 1) = %s ORDER BY check_id",
        (run_id, phase),
    ).fetchall()
