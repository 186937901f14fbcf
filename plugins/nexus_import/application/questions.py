"""What a user would do after a publish, asked of the application itself: open, look at, search, filter.

Each question gives a check result, a warning unless the policy says otherwise. Findings hold ids, names of fields and
the path that was asked, never a value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nexus_import.application.client import NexusApplication
from nexus_import.errors import ApplicationAway, ApplicationError
from nexus_import.nexus.checks import CheckResult, Finding, Grades
from nexus_import.nexus.shown import ShownPatient

PATIENTS = "/api/patients/"
DOCUMENTS = "/api/documents/"
BATCHES = "/api/images/batches/"
IMAGES = "/api/images/"
CALENDAR = "/api/appointments/calendar_data/"
ANSWERS = "publish/application_answers"
WHAT_TO_DO = "Open Nexus and look (docs/runbook.md, After the publish)"
WHAT_TO_DO_AWAY = (
    "Look whether Nexus is running and who may log in (Airflow connection {name}); nothing else is to be done"
)
_INFO = ("first_name", "last_name", "dob")
_NUMBERS = ("mrn", "health_number")


@dataclass(frozen=True)
class Question:
    """One thing that users do: its check id, its title, and what is wrong with the answers."""

    check_id: str
    title: str
    ask: Callable[[NexusApplication, list[ShownPatient]], Iterator[Finding]]


def ask(
    application: NexusApplication, patients: list[ShownPatient], grades: Grades, connection_name: str
) -> list[CheckResult]:
    """Ask everything about these patients; stop, with a result that says so, when the application is away."""
    results: list[CheckResult] = []
    away: list[Finding] = []
    try:
        for question in QUESTIONS:
            findings = list(question.ask(application, patients))
            results.append(_result(question.check_id, question.title, WHAT_TO_DO, findings, grades))
    except ApplicationAway as error:
        away = [Finding("application", detail=str(error))]
    return [away_result(away, grades, connection_name), *results]


def away_result(findings: list[Finding], grades: Grades, connection_name: str) -> CheckResult:
    """Return the result that says whether the application could be asked."""
    return _result(
        ANSWERS,
        "The application can be asked over HTTP",
        WHAT_TO_DO_AWAY.format(name=connection_name),
        findings,
        grades,
    )


def typed_words(name: str) -> str:
    """Return what a user types to find a name: the first half of each of its words, three letters at least."""
    return " ".join(word[: max(3, (len(word) + 1) // 2)] for word in re.split(r"[\s,]+", name) if word)


def _result(check_id: str, title: str, todo: str, findings: list[Finding], grades: Grades) -> CheckResult:
    reasons = Counter(finding.detail for finding in findings).most_common()
    return CheckResult(
        check_id,
        title,
        grades.severity(check_id, "warn"),
        todo,
        findings,
        [f"{count:,}: {reason}" for reason, count in reasons],
        own_severity="warn",
    )


def _open_patients(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
    for patient in patients:
        path = f"{PATIENTS}{patient.nexus_id}/"
        try:
            shown = application.get(path)
        except ApplicationAway:
            raise
        except ApplicationError as error:
            yield _about(patient, str(error).replace(path, f"{PATIENTS}ID/"))
            continue
        for name in _INFO:
            value = shown.get(name) if isinstance(shown, dict) else None
            if (value or None) != (getattr(patient, name) or None):
                yield _about(patient, "is not shown as it is in Nexus's database", field=name)


def _see_documents(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
    yield from _see_all(application, patients, DOCUMENTS, "document", "documents")


def _see_images(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
    yield from _see_all(application, patients, BATCHES, "image", "batches")
    yield from _see_all(application, patients, IMAGES, "image", "images")


def _see_all(
    application: NexusApplication, patients: list[ShownPatient], path: str, entity: str, kind: str
) -> Iterator[Finding]:
    """Find what of the patients' documents, batches or images is not listed with its patient."""
    for patient in patients:
        try:
            listed = {str(entry.get("id")) for entry in application.pages(path, {"patient_id": patient.nexus_id})}
        except ApplicationAway:
            raise
        except ApplicationError as error:
            yield _about(patient, str(error))
            continue
        for row_id in getattr(patient, kind):
            if row_id not in listed:
                yield Finding(entity, nexus_id=row_id, detail=f"{path} does not show it with its patient")


def _open_calendar(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
    try:
        shown = {str(entry.get("id")) for entry in application.pages(CALENDAR)}
    except ApplicationAway:
        raise
    except ApplicationError as error:
        yield Finding("appointment", detail=f"{error}: no appointment is shown at all")
        return
    for patient in patients:
        for row_id in patient.appointments:
            if row_id not in shown:
                yield Finding("appointment", nexus_id=row_id, detail=f"{CALENDAR} does not show it")


def _search(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
    for patient in patients:
        asked = {"first_name, last_name": typed_words(f"{patient.first_name} {patient.last_name}")}
        asked |= {name: getattr(patient, name) or "" for name in _NUMBERS}
        for name, text in asked.items():
            if text.strip():
                yield from _list(application, {"search": text}, [patient], "is not found by it", name)


def _filter_by(column: str, parameter: str) -> Callable[[NexusApplication, list[ShownPatient]], Iterator[Finding]]:
    def ask_each(application: NexusApplication, patients: list[ShownPatient]) -> Iterator[Finding]:
        for value in sorted({getattr(patient, column) for patient in patients} - {None}):
            inside = [patient for patient in patients if getattr(patient, column) == value]
            outside = {patient.nexus_id: patient for patient in patients if patient not in inside}
            yield from _list(application, {parameter: value}, inside, "is not listed", column, outside)

    return ask_each


def _list(
    application: NexusApplication,
    parameters: dict[str, str],
    wanted: list[ShownPatient],
    what: str,
    field: str,
    unwanted: dict[str, ShownPatient] | None = None,
) -> Iterator[Finding]:
    """Find who of the wanted is not on the list, and who of the unwanted is; without these, stop when all are seen."""
    missing = {patient.nexus_id: patient for patient in wanted}
    try:
        for entry in application.pages(PATIENTS, parameters):
            row_id = str(entry.get("id"))
            missing.pop(row_id, None)
            if unwanted and row_id in unwanted:
                yield _about(unwanted[row_id], "is listed under what is not its own", field=field)
            if not missing and not unwanted:
                return
    except ApplicationAway:
        raise
    except ApplicationError as error:
        for patient in wanted:
            yield _about(patient, str(error), field=field)
        return
    for patient in missing.values():
        yield _about(patient, what, field=field)


def _about(patient: ShownPatient, detail: str, field: str | None = None) -> Finding:
    return Finding("patient", filemaker_id=patient.filemaker_id, nexus_id=patient.nexus_id, field=field, detail=detail)


QUESTIONS = (
    Question("publish/application_opens_patient", "Open a patient: see correct info", _open_patients),
    Question("publish/application_shows_documents", "Open a patient: see documents", _see_documents),
    Question("publish/application_shows_images", "Open a patient: see images", _see_images),
    Question("publish/application_shows_calendar", "Open the calendar: see appointments", _open_calendar),
    Question("publish/application_finds_patient", "Search for a patient: found", _search),
    Question(
        "publish/application_filters_by_clinic", "Filter patients by clinic: works", _filter_by("clinic_id", "clinic")
    ),
    Question(
        "publish/application_filters_by_funding",
        "Filter patients by funding: works",
        _filter_by("funding_type_id", "funding_type"),
    ),
)
"""In the order they are asked."""
