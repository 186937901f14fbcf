"""The schema guard: what Nexus has that nobody decided about is named, with the line that decides it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.schema_guard import check_schema
from nexus_import.settings import Settings

from tests.nexus.manual_run import POLICY
from tests.nexus.strange_schema import TABLES, declare, make_strange
from tests.support.installation import Installation, start_installation

SHIPPED = POLICY.data_policy()
MAPPINGS = Settings.load({}).imported()


def guard(installation: Installation, policy: DataPolicy = SHIPPED) -> dict[str, CheckResult]:
    with installation.importer() as connection:
        results = check_schema(connection, policy, POLICY.preserved, MAPPINGS, lambda check_id, default: default)
    return {result.check_id.removeprefix("phase_0/"): result for result in results}


def said(result: CheckResult) -> list[str]:
    return [str(finding.detail) for finding in result.findings]


@pytest.fixture(scope="module")
def strange(parts: Any) -> Iterator[Installation]:
    """A Nexus with tables that this project has never seen."""
    with start_installation(parts) as installation:
        make_strange(installation)
        yield installation


def test_reference_schema_is_as_the_shipped_files_say(parts: Any) -> None:
    with start_installation(parts) as installation:
        assert {check: said(result) for check, result in guard(installation).items() if result.findings} == {}


@pytest.mark.parametrize(
    ("table", "way"),
    [
        ("referral_forms", "referral_forms.patient_id -> patients: add the line"),
        ("referral_pages", "referral_pages.form_id -> referral_forms, referral_forms.patient_id -> patients: add"),
        ("plan_budgets", "plan_budgets.patient_id, clinic_id -> patients: add the line"),
        ("tagged_items", "tagged_items.object_id -> patients (generic link): add the line"),
        ("badges", "badges.target_id -> patients (generic link): add the line"),
        ("tag_votes", "tag_votes.tag_id -> tagged_items, tagged_items.object_id -> patients: add the line"),
        ("reporting.visits", "reporting.visits.appointment_id -> appointments: add the line"),
        ("episodes", "episodes.patient_id -> patients: add the line"),
        ("measurements", "measurements.patient_id -> patients: add the line"),
    ],
)
def test_table_that_nobody_declared_stops_the_run_with_the_way_and_the_line(
    strange: Installation, table: str, way: str
) -> None:
    result = guard(strange)["tables_are_declared"]
    (sentence,) = [text for text in said(result) if text.startswith(f"table {table} ")]
    assert sentence.startswith(f"table {table} reaches patients through {way}")
    assert f"'  {table}: untouched'" in sentence
    assert ("(or kept or cascades, see there)" in sentence) == ("." not in table)
    assert sentence in result.sentence()
    assert result.sentence().endswith("say so under tables in include/policy.yaml.")
    assert not result.is_passed


def test_each_table_is_named_once_and_partitions_not_at_all(strange: Installation) -> None:
    result = guard(strange)["tables_are_declared"]
    assert sorted(finding.entity for finding in result.findings) == sorted(TABLES.keys() - {"patient_flags", "marks"})


def test_plain_patient_id_stops_the_run_with_both_lines(strange: Installation) -> None:
    result = guard(strange)["links_are_declared"]
    assert [text for text in said(result) if "patient_flags" in text] == [
        "column patient_flags.patient_id looks like an id of patients without a foreign key: add the line"
        " '  patient_flags.patient_id: patients' under plain_links (or [] instead of patients)"
        " and '  patient_flags: untouched' under tables"
    ]
    assert not result.is_passed


def test_column_that_only_looks_like_an_id_is_declared_as_none(strange: Installation) -> None:
    policy = replace(declare(), plain_links={**SHIPPED.plain_links, "patient_flags.patient_id": ()})
    assert policy.generic_links.keys() == {"marks"}
    assert said(guard(strange, policy)["links_are_declared"]) == []


@pytest.mark.parametrize("treatment", ["untouched", "kept", "cascades"])
def test_declared_tables_pass(strange: Installation, treatment: str) -> None:
    results = guard(strange, declare(treatment))
    assert {check: said(result) for check, result in results.items() if not result.is_passed} == {}


def test_missing_indexes_are_a_warning_with_the_statement(strange: Installation) -> None:
    result = guard(strange, declare())["foreign_keys_are_indexed"]
    statements = said(result)
    assert "CREATE INDEX ON referral_forms (patient_id)" in statements
    assert "CREATE INDEX ON plan_budgets (patient_id, clinic_id)" in statements
    assert "CREATE INDEX ON reporting.visits (appointment_id)" in statements
    assert (result.severity, result.is_passed) == ("warn", True)
    for statement in statements:
        strange.execute(statement)
    assert said(guard(strange, declare())["foreign_keys_are_indexed"]) == []


def test_table_that_cannot_be_copied_may_only_be_untouched(installation: Installation) -> None:
    installation.execute(
        "CREATE TABLE numbered (id integer PRIMARY KEY, patient_id uuid REFERENCES patients (id));"
        "GRANT INSERT, UPDATE, DELETE ON numbered TO nexus_import"
    )
    policy = replace(SHIPPED, tables={**SHIPPED.tables, "numbered": "kept"})
    assert said(guard(installation, policy)["tables_are_declared"]) == [
        "tables: numbered: it cannot be copied without a column id of type uuid; make it untouched"
    ]
    policy = replace(SHIPPED, tables={**SHIPPED.tables, "numbered": "untouched"})
    assert said(guard(installation, policy)["tables_are_declared"]) == []


def test_declared_names_that_nexus_does_not_have_are_named_with_the_nearest(strange: Installation) -> None:
    policy = replace(
        declare(),
        tables={**declare().tables, "encountres": "cascades"},
        plain_links={**declare().plain_links, "sent_emails.related_pateint_id": ("patients",)},
        set_null=("sms_messages.appointmnt_id", "encounters.patient_id"),
        content_types={**SHIPPED.content_types, "notes": "notes.nota"},
    )
    results = guard(strange, policy)
    assert said(results["tables_are_declared"]) == ["tables: encountres: Nexus has no such table (nearest: encounters)"]
    assert said(results["links_are_declared"]) == [
        "plain_links: sent_emails.related_pateint_id: Nexus has no such column that can hold an id"
        " (nearest: related_patient_id)",
        "set_null: sms_messages.appointmnt_id: no such column refers to another table and may be NULL"
        " (nearest: sms_messages.appointment_id)",
        "set_null: encounters.patient_id: no such column refers to another table and may be NULL"
        " (nearest: encounters.appointment_id)",
        "content_types: notes: Nexus has no content type notes.nota (nearest: notes.note)",
    ]
    assert not results["tables_are_declared"].is_passed
    assert not results["links_are_declared"].is_passed


def test_preserved_table_that_went_is_named(installation: Installation) -> None:
    installation.execute("DROP TABLE custom_funding_sources")
    (sentence,) = said(guard(installation)["tables_are_declared"])
    assert sentence.startswith("preserved: custom_funding_sources: Nexus has no such table")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "ALTER TABLE patients ADD pronouns varchar(20)",
            "column patients.pronouns (character varying(20)) is new: rows keep what they have, new rows get none",
        ),
        (
            "ALTER TABLE patients ADD is_vip boolean NOT NULL DEFAULT false",
            "column patients.is_vip (boolean, not null) is new: rows keep what they have,"
            " new rows get its default false",
        ),
        (
            "ALTER TABLE patients ADD last_letter char GENERATED ALWAYS AS (right(last_name, 1)) STORED",
            "column patients.last_letter (character(1), computed) is new: the database computes it,"
            " the import leaves it alone",
        ),
        (
            "ALTER TABLE patients ADD number integer GENERATED ALWAYS AS IDENTITY",
            "column patients.number (integer, computed) is new: the database computes it, the import leaves it alone",
        ),
        (
            "ALTER TABLE images_image ADD is_blurred boolean",
            "column images_image.is_blurred (boolean) is new: the import leaves it as it is",
        ),
        (
            "ALTER TABLE patients DROP flags_json",
            "column patients.flags_json (jsonb) is gone: take it out of include/mapping/patient.yaml",
        ),
        ("ALTER TABLE documents_document DROP tags", "column documents_document.tags (jsonb, not null) is gone"),
        (
            "ALTER TABLE patients ALTER health_number TYPE varchar(20)",
            "column patients.health_number is now character varying(20), was character varying(50)",
        ),
        (
            "ALTER TABLE appointments ALTER end_time SET NOT NULL",
            "column appointments.end_time is now timestamp with time zone, not null, was timestamp with time zone",
        ),
    ],
)
def test_column_that_changed_stops_the_run(installation: Installation, change: str, sentence: str) -> None:
    installation.execute(change)
    result = guard(installation)["columns_are_known"]
    assert said(result) == [sentence]
    assert sentence in result.sentence()
    assert result.sentence().endswith("write include/schema.yaml again: python -m nexus_import.schema --write.")
    assert not result.is_passed


def test_column_that_no_new_row_could_fill_is_named_even_when_it_is_known(installation: Installation) -> None:
    installation.execute("ALTER TABLE notes ADD author_id uuid; UPDATE notes SET author_id = id")
    installation.execute("ALTER TABLE notes ALTER author_id SET NOT NULL")
    assert said(guard(installation)["columns_are_known"]) == [
        "column notes.author_id (uuid, not null) is new: rows keep what they have, new rows get none",
        "column notes.author_id may not be NULL and has no default: new rows could not be added; fill it under"
        " columns or defaults in include/mapping/note.yaml",
    ]


def test_column_that_not_every_nexus_has_may_be_missing(installation: Installation) -> None:
    installation.execute("ALTER TABLE images_batch DROP metadata")
    assert said(guard(installation)["columns_are_known"]) == []
    installation.execute("ALTER TABLE images_batch ADD metadata text")
    assert said(guard(installation)["columns_are_known"]) == [
        "column images_batch.metadata is now text, was jsonb, optional"
    ]


TRIGGER = (
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER stamp_patients BEFORE UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION touch()"
)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            TRIGGER.format("patients"),
            "trigger on patients (stamp_patients): if it may stay, add the line"
            " '  patients: [stamp_patients]' under side_effects",
        ),
        (
            TRIGGER.format("encounters"),
            "trigger on encounters (stamp_patients): if it may stay, add the line"
            " '  encounters: [stamp_patients]' under side_effects",
        ),
        (
            "CREATE RULE keep_notes AS ON DELETE TO notes DO INSTEAD NOTHING",
            "rule on notes (keep_notes): if it may stay, add the line '  notes: [keep_notes]' under side_effects",
        ),
        (
            "ALTER TABLE appointments ENABLE ROW LEVEL SECURITY",
            "row-level security on appointments: if it may stay, add the line"
            " '  appointments: [row_security]' under side_effects",
        ),
        (
            "ALTER TABLE sent_emails ENABLE ROW LEVEL SECURITY",
            "row-level security on sent_emails: if it may stay, add the line"
            " '  sent_emails: [row_security]' under side_effects",
        ),
    ],
)
def test_side_effect_stops_the_run_until_it_is_declared(installation: Installation, change: str, sentence: str) -> None:
    installation.execute(change)
    result = guard(installation)["no_hidden_side_effects"]
    assert said(result) == [sentence]
    assert not result.is_passed
    (finding,) = result.findings
    policy = replace(SHIPPED, side_effects={finding.entity: (str(finding.field),)})
    assert said(guard(installation, policy)["no_hidden_side_effects"]) == []


def test_side_effects_that_do_not_act_on_the_import_are_left_alone(installation: Installation) -> None:
    installation.execute(TRIGGER.format("sent_emails"))
    installation.execute("CREATE TRIGGER off BEFORE UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION touch()")
    installation.execute("ALTER TABLE patients DISABLE TRIGGER off")
    assert said(guard(installation)["no_hidden_side_effects"]) == []


def test_second_trigger_is_named_beside_the_declared_one(installation: Installation) -> None:
    installation.execute(TRIGGER.format("patients"))
    installation.execute("CREATE TRIGGER tell_patients AFTER UPDATE ON patients FOR EACH ROW EXECUTE FUNCTION touch()")
    policy = replace(SHIPPED, side_effects={"patients": ("stamp_patients",)})
    (sentence,) = said(guard(installation, policy)["no_hidden_side_effects"])
    assert sentence.endswith("'  patients: [stamp_patients, tell_patients]' under side_effects")


def test_trigger_on_a_partition_is_one_of_the_table(strange: Installation) -> None:
    strange.execute(TRIGGER.format("measurements_late"))
    (sentence,) = said(guard(strange, declare("kept"))["no_hidden_side_effects"])
    assert sentence.startswith("trigger on measurements (stamp_patients)")
    strange.execute("DROP FUNCTION touch CASCADE")


def test_table_that_the_import_may_not_write_is_named_with_the_grant(installation: Installation) -> None:
    installation.execute("REVOKE DELETE ON encounters FROM nexus_import")
    result = guard(installation)["rights_are_granted"]
    assert said(result) == ["GRANT INSERT, UPDATE, DELETE ON public.encounters TO nexus_import"]
    assert not result.is_passed
