"""Checks: SQL files that return the rows which break a rule, none when it holds.

The file's header gives `title`, `entity`, `severity` (stop or warn) and `todo`; where names are looked up,
`lookup`; where the detail is a reason to be counted, `count_by: detail`; where a folder has several check tasks, the
`group` of the one that runs it; where it needs mapped columns, `needs: appointment.clinician_id`: without them it does
not apply. `same_as` borrows another check's query, and what the policy says about it; with an `entity` of its own it
asks the same about other records. A `probe` asks what the application asks, and says how: its tables stand under
`{nexus}`, so that live Nexus can be asked as well as the working copy (`nexus/probes.py`).

Each row is (record_id, filemaker_id, nexus_id, field, detail) and may add the entity. Ids, field names and names of
preserved rows only: never health data. FileMaker's layouts and fields stand in placeholders (`core/source_names.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from psycopg import Connection, sql

from nexus_import.core.entities import ENTITIES
from nexus_import.core.mapping import Lookup
from nexus_import.core.relaxation import Relaxation
from nexus_import.core.source_names import SourceNames
from nexus_import.errors import ConfigurationError
from nexus_import.nexus.sql import WORK_SCHEMA, fill_names, include_folder, read_header, read_sql

FOLDER = "checks"
PUBLISH = "publish"
THIS = ":this"
"""Stands in placeholders for the entity that a check is about."""
SEVERITIES = ("stop", "warn")
CHECKS_WITHOUT_A_FILE = frozenset(
    {
        "phase_0/values_are_readable",
        "phase_0/tables_are_declared",
        "phase_0/links_are_declared",
        "phase_0/columns_are_known",
        "phase_0/no_hidden_side_effects",
        "phase_0/rights_are_granted",
        "phase_0/tables_hold_still",
        "phase_0/connection_is_restricted",
        "phase_0/materialized_views_are_fresh",
        "phase_0/unique_values_can_be_swapped",
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
        "phase_5/clinical_text_kept_of_letters",
        "phase_5/clinical_text_kept_of_reminders",
        "publish/nothing_left_behind",
        "publish/application_answers",
        "publish/application_opens_patient",
        "publish/application_shows_documents",
        "publish/application_shows_images",
        "publish/application_shows_calendar",
        "publish/application_finds_patient",
        "publish/application_filters_by_clinic",
        "publish/application_filters_by_funding",
        "phase_8/every_record_is_accounted_for",
        "phase_8/foreign_keys_hold",
        "phase_8/file_sizes_agree",
        "phase_8/files_exist",
        "phase_8/objects_have_rows",
        "phase_8/documents_download",
        "phase_8/images_display",
    }
)
"""Checks that are made in Python; the policy may change their severity like that of any other, but for these:"""
PROTECTIVE_CHECKS = {
    "phase_0/tables_are_declared": "declare the table under tables, as untouched if the import has no business there",
    "phase_0/links_are_declared": "declare the column under plain_links or generic_links, with [] if it is no link",
    "phase_0/no_hidden_side_effects": "declare it under side_effects, by its name",
    "phase_0/connection_is_restricted": "let the connection log in as nexus_import (include/sql/grants.sql)",
}
"""Checks that no run may go past, with what to do instead: behind them rows would be lost without a word.

Each finding can be answered for itself; a warning would answer those for ever that nobody has seen yet.
"""
SHOWN_IDS = 5
"""Record ids named in the log line of a failed check; the findings list holds them all."""


class Grades(Protocol):
    """What the clinic decided in writing about checks: the policy (`settings.Settings`)."""

    def severity(self, check_id: str, default: str) -> str:
        """Return how serious a check is."""

    def allowance(self, check_id: str, default: int = 0) -> int:
        """Return how many findings a check may have and still pass."""


@dataclass(frozen=True)
class Finding:
    """One row that breaks a rule; `suggestion` is what may have been meant."""

    entity: str
    record_id: str | None = None
    filemaker_id: str | None = None
    nexus_id: Any = None
    field: str | None = None
    detail: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True)
class Check:
    """A check as its file describes it; `query` is the SQL that finds what breaks it, `field` what is to be mended."""

    check_id: str
    title: str
    entity: str
    severity: str
    todo: str
    query: sql.Composed
    lookup: str | None = None
    group: str | None = None
    counts_reasons: bool = False
    field: str | None = None
    same_as: str | None = None
    applies: bool = True
    is_mapped: bool = True


@dataclass(frozen=True)
class CheckResult:
    """What a check found: its findings, how serious they are, and the sentence for the log.

    `own_severity` is the check's own word, `severity` what the policy made of it.
    """

    check_id: str
    title: str
    severity: str
    todo: str
    findings: list[Finding] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    allowed: int = 0
    own_severity: str = "stop"
    applies: bool = True

    @property
    def is_passed(self) -> bool:
        """A warning never stops a run; a stop does when it found more than is allowed."""
        return self.severity != "stop" or len(self.findings) <= self.allowed

    @property
    def relaxation(self) -> Relaxation | None:
        """What the policy lets pass here that the check itself would not; None when nothing was found."""
        if not self.applies:
            return Relaxation(self.check_id, "mapping", 0)
        count = len(self.findings)
        if not count or not self.is_passed or self.own_severity != "stop":
            return None
        if self.severity != "stop":
            return Relaxation(self.check_id, "severity", count)
        return Relaxation(self.check_id, "allowance", count, self.allowed)

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
    files = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.sql")}
    return set(CHECKS_WITHOUT_A_FILE) | files | set(probe_ids())


def check_ids(phase: str) -> list[str]:
    """Return the ids of the checks of a folder such as `phase_3`; adding a check is adding a file."""
    folder = include_folder() / "sql" / FOLDER / phase
    return [f"{phase}/{path.stem}" for path in sorted(folder.glob("*.sql"))]


def probe_ids() -> dict[str, str]:
    """Return the checks that are probes, by the id under which live Nexus is asked the same after the publish."""
    folder = include_folder() / "sql" / FOLDER
    return {
        f"{PUBLISH}/{path.stem}": path.relative_to(folder).with_suffix("").as_posix()
        for path in sorted(folder.rglob("*.sql"))
        if "probe" in read_header(path.read_text(encoding="utf-8"))
    }


def publish_checks() -> list[str]:
    """Return the ids of what is looked at after the publish."""
    return sorted(check_id for check_id in known_checks() if check_id.startswith(f"{PUBLISH}/"))


def load_checks(phase: str, source: SourceNames) -> list[Check]:
    """Return the checks of a folder, by id, but for those about entities that the clinic does not map."""
    return [check for check_id in check_ids(phase) if (check := load_check(check_id, source)).is_mapped]


def load_check(check_id: str, source: SourceNames, entity: str | None = None, schema: str = WORK_SCHEMA) -> Check:
    """Read one check, in the clinic's own names; raise `ConfigurationError` naming the missing header line.

    With `entity` the check is about that entity instead of its own; a probe asks the tables of `schema`.
    """
    text = read_sql(f"{FOLDER}/{check_id}.sql")
    own = read_header(text)
    if borrowed := own.get("same_as"):
        original = load_check(borrowed, source, own.get("entity"), schema)
        title = own.get("title", original.title)
        severity = own.get("severity", original.severity)
        # what the policy says about a check holds for its repetition, not for the same question about other records
        return replace(
            original,
            check_id=check_id,
            title=title,
            severity=severity,
            group=None,
            same_as=None if "entity" in own else borrowed,
        )
    entity = entity or own.get("entity", "")
    header = {key: source.fill(line.replace(THIS, f":{entity}")) for key, line in own.items()}
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
        entity,
        header["severity"],
        header["todo"],
        fill_names(text.replace(THIS, f":{entity}"), source, entity, schema),
        header.get("lookup"),
        header.get("group"),
        header.get("count_by") == "detail",
        header.get("field"),
        applies=all(source.has(needed) for needed in header.get("needs", "").replace("this", entity).split()),
        is_mapped=source.has(entity) or entity not in ENTITIES,
    )


def run_check(
    connection: Connection[Any], check: Check, grades: Grades, lookups: dict[str, Lookup] | None = None
) -> CheckResult:
    """Run one check; the policy's word on the check that it repeats holds, unless it has one on this."""
    findings = [_finding(check.entity, row) for row in connection.execute(check.query)] if check.applies else []
    severity = grades.severity(check.same_as, check.severity) if check.same_as else check.severity
    allowed = grades.allowance(check.same_as) if check.same_as else 0
    return CheckResult(
        check.check_id,
        check.title,
        grades.severity(check.check_id, severity),
        check.todo,
        findings,
        _reasons(findings) if check.counts_reasons else _suggestions(findings, check.lookup, lookups or {}),
        grades.allowance(check.check_id, allowed),
        check.severity,
        check.applies,
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


def read_results(connection: Connection[Any], run_id: str, phase: str) -> list[tuple[str, str, int, bool, str]]:
    """Return (check id, severity, finding count, passed, sentence) of each check of the phase, in order."""
    return connection.execute(
        "SELECT check_id, severity, finding_count, is_passed, sentence FROM nexus_import.check_result"
        " WHERE run_id = %s AND split_part(check_id, '/', 1) = %s ORDER BY check_id",
        (run_id, phase),
    ).fetchall()
