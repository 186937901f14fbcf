"""The application asked after a publish: nothing is found when all is well, and each question finds what is broken."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from nexus_import.application.access import read_access
from nexus_import.application.client import NexusApplication
from nexus_import.application.questions import ANSWERS, QUESTIONS, ask
from nexus_import.errors import ApplicationAway
from nexus_import.nexus.checks import Finding, known_checks
from nexus_import.nexus.shown import ShownPatient, draw_patients

from tests.application.conftest import Served
from tests.application.serving import PASSWORD, TOKEN, USER, start_application
from tests.filemaker.certificates import make_certificate
from tests.sql.observed import LogLine, listening, personal_values_in
from tests.support.copies import connected, own_include

VERIFY = "publish.verify_live"
CONNECTION = "AIRFLOW_CONN_NEXUS_API"
CLEAN = {
    f"publish/application_{name}": 0
    for name in (
        "answers",
        "opens_patient",
        "shows_documents",
        "shows_images",
        "shows_calendar",
        "finds_patient",
        "filters_by_clinic",
        "filters_by_funding",
    )
}
OTHER_PATIENT_TYPE = "content_type_id = (SELECT id FROM django_content_type WHERE model = 'coordinator')"


@dataclass(frozen=True)
class Verified:
    """A look at live Nexus: what the questions found, as the journal has it, and every line of the log."""

    counts: dict[str, int]
    details: dict[str, set[str]]
    named: dict[str, set[str]]
    fields: dict[str, set[str | None]]
    error: BaseException | None
    log: list[LogLine]

    @property
    def text(self) -> str:
        """The whole log."""
        return "\n".join(line.text for line in self.log)


def verify(served: Served, tmp_path: Path, connection: str | None, **policy: Any) -> Verified:
    """Clear verify_live and look again, all patients drawn; the application is reached by this Airflow connection."""
    run = served.run
    policy = {"probes": {"patients": 10_000}} | policy
    with connected(served.installation), own_include(tmp_path, **policy), pytest.MonkeyPatch.context() as patch:
        if connection is not None:
            patch.setenv(CONNECTION, connection)
        with listening() as log:
            run.clear(VERIFY, downstream=False).go(until=VERIFY)
    counts = served.installation.rows(
        "SELECT check_id, finding_count FROM nexus_import.check_result WHERE run_id = %s AND check_id LIKE"
        " 'publish/application%%'",
        run.run_id,
    )
    found = served.installation.rows(
        "SELECT check_id, array_agg(detail), array_agg(nexus_id::text), array_agg(field) FROM nexus_import.finding"
        " WHERE run_id = %s AND check_id LIKE 'publish/application%%' GROUP BY 1",
        run.run_id,
    )
    return Verified(
        dict(counts),
        {check: set(details) for check, details, _, _ in found},
        {check: set(named) for check, _, named, _ in found},
        {check: set(fields) for check, _, _, fields in found},
        run.errors.get(VERIFY),
        log,
    )


@contextmanager
def changed(served: Served, table: str, row_id: str, setting: str) -> Iterator[None]:
    """Change a row of live Nexus as the application's owner, and put it back afterwards."""
    column = setting.partition(" ")[0]
    former = served.installation.value(f"SELECT to_jsonb(t) FROM {table} AS t WHERE id = %s", row_id)
    served.installation.execute(f"UPDATE {table} SET {setting} WHERE id = %s", row_id)
    try:
        yield
    finally:
        served.installation.execute(
            f"UPDATE {table} SET {column} = (jsonb_populate_record(NULL::{table}, %s::jsonb)).{column} WHERE id = %s",
            json.dumps(former),
            row_id,
        )


@pytest.fixture(params=["served_seed", "served_reference"])
def either(request: pytest.FixtureRequest) -> Served:
    """Each clinic's published run."""
    served: Served = request.getfixturevalue(request.param)
    return served


@dataclass(frozen=True)
class Everybody:
    """All patients as they were drawn while all was well, and what asking about them finds."""

    served: Served
    patients: list[ShownPatient]

    def ask(self) -> dict[str, list[Finding]]:
        """Ask everything; return the findings of each question that found any."""
        access = read_access("nexus_api", host=self.served.application.url, login=USER, password=PASSWORD)
        with NexusApplication(access, 300) as application:
            results = ask(application, self.patients, AsTheChecksSay(), "nexus_api")
        return {
            result.check_id.removeprefix("publish/application_"): result.findings
            for result in results
            if result.findings
        }

    def one_with(self, kind: str) -> ShownPatient:
        """Return a patient who has something of this kind."""
        return next(patient for patient in self.patients if getattr(patient, kind))


class AsTheChecksSay:
    """A policy that decides nothing."""

    def severity(self, check_id: str, default: str) -> str:
        """Return the check's own."""
        return default

    def allowance(self, check_id: str, default: int = 0) -> int:
        """Return the check's own."""
        return default


@pytest.fixture(scope="module")
def everybody(served_seed: Served) -> Everybody:
    """The seed clinic's patients."""
    with served_seed.installation.importer() as connection:
        return Everybody(served_seed, draw_patients(connection, 10_000))


def test_nothing_is_found_of_either_clinic(either: Served, tmp_path: Path) -> None:
    before = len(either.application.asked())
    seen = verify(either, tmp_path, either.application.connection())
    assert seen.error is None
    assert seen.counts == CLEAN
    assert either.run.results[VERIFY]["probe_findings_count"] == 0
    asked = set(either.application.asked()[before:])
    assert {
        "/api/patients/ search",
        "/api/patients/ clinic",
        "/api/patients/ clinic page",
        "/api/documents/ patient_id",
        "/api/images/batches/ patient_id",
        "/api/images/ patient_id",
        "/api/appointments/calendar_data/ ",
    } <= asked


def test_ids_of_all_checks_are_known_to_the_policy() -> None:
    assert CLEAN.keys() <= known_checks()
    assert {question.check_id for question in QUESTIONS} | {ANSWERS} == CLEAN.keys()


def test_appointment_without_an_end_makes_the_calendar_answer_500_and_it_is_said(
    served_seed: Served, tmp_path: Path
) -> None:
    row_id = served_seed.installation.value("SELECT id::text FROM appointments WHERE patient_id IS NOT NULL LIMIT 1")
    with changed(served_seed, "appointments", row_id, "end_time = NULL"):
        seen = verify(served_seed, tmp_path, served_seed.application.connection())
    assert seen.error is None
    assert seen.counts == CLEAN | {"publish/application_shows_calendar": 1}
    assert seen.details["publish/application_shows_calendar"] == {
        "/api/appointments/calendar_data/ answers HTTP 500: no appointment is shown at all"
    }
    assert "publish/application_shows_calendar" in seen.text
    assert "answers HTTP 500" in seen.text
    assert personal_values_in(served_seed.installation, served_seed.run.run_id, seen.log) == []


BROKEN_PATIENT = [
    ("dob = '1901-01-01'", {"opens_patient": "dob"}),
    ("first_name = 'Qqqq'", {"opens_patient": "first_name", "finds_patient": "first_name, last_name"}),
    ("health_number = NULL", {"finds_patient": "health_number"}),
    ("clinic_id = NULL", {"filters_by_clinic": "clinic_id"}),
    ("funding_type_id = NULL", {"filters_by_funding": "funding_type_id"}),
]


@pytest.mark.parametrize(("setting", "expected"), BROKEN_PATIENT, ids=[setting for setting, _ in BROKEN_PATIENT])
def test_patient_that_is_broken_is_found(everybody: Everybody, setting: str, expected: dict[str, str]) -> None:
    patient = next(
        row for row in everybody.patients if row.health_number and row.clinic_id and row.funding_type_id and row.dob
    )
    with changed(everybody.served, "patients", patient.nexus_id, setting):
        found = everybody.ask()
    assert {
        question: [(finding.nexus_id, finding.field) for finding in findings] for question, findings in found.items()
    } == {question: [(patient.nexus_id, field)] for question, field in expected.items()}


def test_patient_hidden_as_archived_is_missed_by_search_and_filters(everybody: Everybody) -> None:
    patient = next(row for row in everybody.patients if row.clinic_id and row.funding_type_id)
    with changed(everybody.served, "patients", patient.nexus_id, "archived = true"):
        found = everybody.ask()
    assert found.keys() == {"finds_patient", "filters_by_clinic", "filters_by_funding"}
    assert {finding.nexus_id for findings in found.values() for finding in findings} == {patient.nexus_id}


def test_patient_listed_under_another_clinic_is_found_twice(everybody: Everybody) -> None:
    patient = next(row for row in everybody.patients if row.clinic_id)
    other = next(row.clinic_id for row in everybody.patients if row.clinic_id not in {None, patient.clinic_id})
    with changed(everybody.served, "patients", patient.nexus_id, f"clinic_id = '{other}'"):
        (findings,) = everybody.ask().values()
    assert {finding.detail for finding in findings} == {"is not listed", "is listed under what is not its own"}


@pytest.mark.parametrize(
    ("kind", "table", "setting", "question"),
    [
        ("documents", "documents_document", OTHER_PATIENT_TYPE, "shows_documents"),
        ("documents", "documents_document", "is_active = false", "shows_documents"),
        ("batches", "images_batch", OTHER_PATIENT_TYPE, "shows_images"),
    ],
)
def test_file_that_is_not_shown_is_found(
    everybody: Everybody, kind: str, table: str, setting: str, question: str
) -> None:
    row_id = getattr(everybody.one_with(kind), kind)[0]
    with changed(everybody.served, table, row_id, setting):
        found = everybody.ask()
    assert found.keys() == {question}
    assert row_id in {finding.nexus_id for finding in found[question]}


def test_image_of_another_patients_batch_is_found(everybody: Everybody) -> None:
    first, second = [row for row in everybody.patients if row.images][:2]
    with changed(everybody.served, "images_image", first.images[0], f"batch_id = '{second.batches[0]}'"):
        found = everybody.ask()
    assert {name: [finding.nexus_id for finding in rows] for name, rows in found.items()} == {
        "shows_images": [first.images[0]]
    }


def test_calendar_that_does_not_show_an_appointment_is_found(everybody: Everybody) -> None:
    patient = everybody.one_with("appointments")
    unknown = replace(patient, appointments=["00000000-0000-4000-8000-000000000000"])
    found = Everybody(everybody.served, [unknown]).ask()
    assert {name: [finding.nexus_id for finding in rows] for name, rows in found.items()} == {
        "shows_calendar": unknown.appointments
    }


def test_without_the_connection_one_line_says_so_and_nothing_is_asked(served_seed: Served, tmp_path: Path) -> None:
    before = len(served_seed.application.asked())
    seen = verify(served_seed, tmp_path, None)
    assert seen.error is None
    assert seen.counts == {}
    assert [line.text for line in seen.log if "nexus_api" in line.text] == [
        "Publish: The application is not asked: there is no Airflow connection 'nexus_api'"
    ]
    assert len(served_seed.application.asked()) == before


AWAY: dict[str, tuple[dict[str, Any], str]] = {
    "nobody listens": ({"host": "http://127.0.0.1:9"}, "could not be reached"),
    "wrong password": ({"password": "another"}, "refuses the account or token"),
    "no account": ({"login": "", "password": ""}, "refuses the account or token"),
    "wrong token": ({"extra": {"token": "another"}}, "refuses the account or token"),
    "https of a server that speaks http": ({"scheme": "https"}, "certificate"),
    "no host": ({"host": ""}, "names no address that can be asked"),
    "a CA file that is not there": ({"extra": {"ca_file": "/nowhere/ca.pem"}}, "does not exist on this machine"),
    "a header that is none": ({"extra": {"headers": {"X-Key": "one\ntwo"}}}, "is not valid"),
    "headers that are no object": ({"extra": {"headers": ["X-Key"]}}, "no object of names and values"),
    "a time-out that is no number": ({"extra": {"read_timeout": "soon"}}, "must be a number of seconds"),
}


@pytest.mark.parametrize("case", AWAY)
def test_application_that_is_away_is_a_warning_with_a_sentence(served_seed: Served, tmp_path: Path, case: str) -> None:
    changes, sentence = AWAY[case]
    changes = dict(changes)
    if scheme := changes.pop("scheme", None):
        changes["host"] = served_seed.application.url.replace("http", scheme, 1)
    seen = verify(served_seed, tmp_path, served_seed.application.connection(**changes))
    assert seen.error is None
    assert seen.counts["publish/application_answers"] == 1
    (detail,) = seen.details["publish/application_answers"]
    assert sentence in detail
    assert sentence in seen.text
    assert "Traceback" not in seen.text
    assert PASSWORD not in seen.text + detail


@pytest.mark.parametrize(
    "extra", [{"token": TOKEN}, {"headers": {"Authorization": f"Token {TOKEN}"}}], ids=["token", "headers"]
)
def test_token_and_headers_are_ways_to_log_in(served_seed: Served, tmp_path: Path, extra: dict[str, Any]) -> None:
    connection = served_seed.application.connection(login="", password="", extra=extra)
    seen = verify(served_seed, tmp_path, connection)
    assert seen.counts == CLEAN
    assert TOKEN not in seen.text


def test_time_for_all_questions_is_limited(served_seed: Served, tmp_path: Path) -> None:
    seen = verify(
        served_seed,
        tmp_path,
        served_seed.application.connection(),
        probes={"patients": 10_000, "budget_seconds": 0.001},
    )
    assert seen.error is None
    assert seen.counts == {"publish/application_answers": 1}
    assert "did not answer all questions within 0.001 s" in seen.text


def test_certificate_of_the_clinics_own_is_trusted_by_its_file_only(
    served_seed: Served, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    served_seed.installation.execute("DELETE FROM auth_user WHERE username = %s", USER)
    with start_application(served_seed.installation, tmp_path, certificate=(certificate, key)) as application:
        access = {
            name: read_access("nexus_api", host=application.url, login=USER, password=PASSWORD, extra=extra)
            for name, extra in {
                "unknown": {},
                "file": {"ca_file": str(certificate)},
                "unchecked": {"verify": "false"},
            }.items()
        }
        with NexusApplication(access["file"], 60) as client:
            assert next(client.pages("/api/patients/"))
        with NexusApplication(access["unchecked"], 60) as client:
            assert next(client.pages("/api/patients/"))
        with (
            NexusApplication(access["unknown"], 60) as client,
            pytest.raises(ApplicationAway, match="certificate that is not trusted"),
        ):
            next(client.pages("/api/patients/"))


def test_neither_names_nor_secrets_are_in_the_log_at_any_level(served_seed: Served, tmp_path: Path) -> None:
    loggers = [logging.getLogger(name) for name in ("urllib3", "requests", "nexus_import")]
    with pytest.MonkeyPatch.context() as patch:
        for logger in loggers:
            patch.setattr(logger, "level", logging.DEBUG)
            logger.manager._clear_cache()  # type: ignore[attr-defined]  # as setLevel does
        seen = verify(served_seed, tmp_path, served_seed.application.connection())
    assert "GET /api/patients/?***" in seen.text
    assert personal_values_in(served_seed.installation, served_seed.run.run_id, seen.log) == []
    assert PASSWORD not in seen.text
