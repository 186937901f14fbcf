"""The policy's sections about tables: each impossible or contradictory word is named with its key and what to say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from nexus_import.core.data_policy import DataPolicy
from nexus_import.core.policy_rules import mistakes

WRITTEN = yaml.safe_load((Path(__file__).resolve().parents[2] / "include" / "policy.yaml").read_text())
SECTIONS = ("tables", "nexus_only_tables", "nexus_only_rows", "vanished", "plain_links", "content_types")


def found(preserved: tuple[str, ...] = (), **changes: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the mistakes of the shipped policy with these changes; None takes a key out."""
    return list(mistakes(shipped(**changes), preserved))


def shipped(**changes: dict[str, Any]) -> DataPolicy:
    """Return the shipped policy with these changes."""
    sections: dict[str, Any] = {}
    for name in SECTIONS:
        merged = {**WRITTEN[name], **changes.get(name, {})}
        sections[name] = {key: value for key, value in merged.items() if value is not None}
    sections["plain_links"] = {
        key: (value,) if isinstance(value, str) else tuple(value) for key, value in sections["plain_links"].items()
    }
    return DataPolicy(
        **sections,
        set_null=tuple(changes.get("set_null", WRITTEN["set_null"])),
        side_effects=changes.get("side_effects", {}),
    )


def test_shipped_policy_has_none() -> None:
    assert found(tuple(WRITTEN["preserved"])) == []


@pytest.mark.parametrize("table", ["patients", "appointments", "documents_document", "images_batch", "images_image"])
@pytest.mark.parametrize("treatment", ["imported", "relinked", "cascades", "kept", "untouched"])
def test_core_table_can_have_its_own_treatment_only(table: str, treatment: str) -> None:
    needed = WRITTEN["tables"][table]
    says = f"'{treatment}' is impossible: the import works on this table, it is {needed}"
    assert found(tables={table: treatment})[:1] == ([] if treatment == needed else [(f"tables.{table}", says)])


@pytest.mark.parametrize("table", ["patients", "appointments", "images_image"])
def test_core_table_cannot_be_left_out(table: str) -> None:
    needed = WRITTEN["tables"][table]
    assert found(tables={table: None})[0] == (
        f"tables.{table}",
        f"is missing: the import works on this table; add the line '{table}: {needed}'",
    )


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        (
            {"tables": {"encounters": "imported"}},
            "tables.encounters",
            "'imported' is impossible: only patients, appointments, notes, letters_patientletter, reminders, "
            "companies, referrers, coordinators, referrer_companies, patient_referrers, patient_coordinators, "
            "sms_messages, sms_inbound are; choose cascades, kept or untouched",
        ),
        (
            {"tables": {"encounters": "relinked"}},
            "tables.encounters",
            "'relinked' is impossible: only documents_document, images_batch, images_image are;"
            " choose cascades, kept or untouched",
        ),
        (
            {"tables": {"reporting.visits": "kept"}},
            "tables.reporting.visits",
            "'kept' is impossible: only tables of schema public are copied; choose untouched",
        ),
        (
            {"nexus_only_tables": {"encountres": "keep"}},
            "nexus_only_tables.encountres",
            "there is no table 'encountres' under tables (nearest: encounters)",
        ),
        (
            {"nexus_only_tables": {"images_batch": "delete"}},
            "nexus_only_tables.images_batch",
            "'delete' is impossible: documents, batches and images are never deleted",
        ),
        (
            {"nexus_only_tables": {"sent_emails": "delete"}},
            "nexus_only_tables.sent_emails",
            "'delete' is impossible: the table is untouched",
        ),
        (
            {"nexus_only_rows": {"patient": "keep"}},
            "nexus_only_rows.patient",
            "is none of patients, appointments (nearest: patients)",
        ),
        (
            {"nexus_only_rows": {"patients": None}},
            "nexus_only_rows.patients",
            "is missing: choose keep, archive, delete or stop",
        ),
        (
            {"vanished": {"reminder": "keep"}},
            "vanished.reminder",
            "is none of patients, appointments, notes, letters_patientletter, reminders (nearest: reminders)",
        ),
        (
            {"vanished": {"notes": "archive"}},
            "vanished.notes",
            "'archive' is impossible: the application has nothing to archive such a row with;"
            " choose keep, delete or stop",
        ),
        ({"vanished": {"reminders": None}}, "vanished.reminders", "is missing: choose keep, archive, delete or stop"),
        (
            {"set_null": ["sms_message.appointment_id"]},
            "set_null.sms_message.appointment_id",
            "there is no table 'sms_message' under tables (nearest: sms_messages)",
        ),
        (
            {"set_null": ["sent_emails.related_patient_id"]},
            "set_null.sent_emails.related_patient_id",
            "is impossible: the table is untouched",
        ),
        (
            {"plain_links": {"send_emails.related_patient_id": ["patients"]}},
            "plain_links.send_emails.related_patient_id",
            "there is no table 'send_emails' under tables (nearest: sent_emails)",
        ),
        (
            {"plain_links": {"reminders.appointment_id": "appointment"}},
            "plain_links.reminders.appointment_id",
            "there is no table 'appointment' under tables (nearest: appointments)",
        ),
        (
            {"content_types": {"patient": "patients.patient"}},
            "content_types.patient",
            "there is no table 'patient' under tables (nearest: patients)",
        ),
        (
            {"content_types": {"patients": "patient"}},
            "content_types.patients",
            "'patient' is not app_label.model",
        ),
        (
            {"content_types": {"appointments": None}},
            "content_types.appointments",
            "is missing: without it nobody sees what refers to such a row",
        ),
        (
            {"side_effects": {"patient": ("t",)}},
            "side_effects.patient",
            "there is no table 'patient' under tables (nearest: patients)",
        ),
    ],
)
def test_mistake_is_named_with_key_and_nearest_name(changes: dict[str, Any], key: str, says: str) -> None:
    assert found(**changes)[0] == (key, says)


@pytest.mark.parametrize("table", ["patients", "appointments", "reminders"])
def test_rows_that_the_application_can_put_aside_may_be_archived(table: str) -> None:
    assert found(vanished={table: "archive"}) == []


def test_preserved_table_cannot_be_worked_on() -> None:
    assert found(("clinics", "encounters")) == [
        ("preserved.encounters", "is listed under tables too: a table is preserved or worked on, not both")
    ]


def test_table_of_another_schema_may_be_untouched() -> None:
    assert found(tables={"reporting.visits": "untouched"}) == []


@pytest.mark.parametrize(
    ("generic_links", "says"),
    [
        ({"tags": [["content_type_id", "object"]]}, "there is no table 'tags' under tables"),
        ({"encounters": [["a", "b", "c"]]}, "['a', 'b', 'c'] is not [type column, id column], nor [type column]"),
        ({"encounters": [[]]}, "[] is not [type column, id column], nor [type column]"),
        ({"tags": [["content_type_id"]], "encounters": [["a_type_id", "b"]]}, None),
    ],
)
def test_pairs_of_a_generic_link(generic_links: dict[str, Any], says: str | None) -> None:
    policy = replace(shipped(), generic_links=generic_links)
    assert [(key.split(".")[0], text[: len(says or "")]) for key, text in mistakes(policy, ())] == (
        [("generic_links", says)] if says else []
    )
