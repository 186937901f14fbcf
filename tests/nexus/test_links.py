"""Which columns refer to which tables, and what the policy lets become of a row whose link points at one that goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from nexus_import.nexus.links import Action, Kind, Link, action_of, paths_to, read_links, store_links, stored_links

from tests.nexus.manual_run import POLICY, ManualRun
from tests.nexus.strange_schema import declare, make_strange
from tests.support.installation import Installation, start_installation


@pytest.fixture(scope="module")
def strange(parts: Any) -> Iterator[Installation]:
    with start_installation(parts) as installation:
        make_strange(installation)
        yield installation


def links_to(installation: Installation, parent: str, **policy: Any) -> dict[str, Link]:
    with installation.importer() as connection:
        return {link.name: link for link in read_links(connection, declare(**policy)) if link.parent_table == parent}


def test_every_kind_of_link_to_patients_is_known(strange: Installation) -> None:
    kinds = {name: link.kind for name, link in links_to(strange, "patients").items()}
    keys = {name for name, kind in kinds.items() if kind is Kind.FOREIGN_KEY}
    assert {name for name, kind in kinds.items() if kind is Kind.GENERIC} == {
        "documents_document.object_id",
        "images_batch.object_id",
        "contact_relationships.from_object_id",
        "contact_relationships.to_object_id",
        "django_admin_log.object_id",
        "tagged_items.object_id",
        "badges.target_id",
        "marks.subject",
    }
    assert {name for name, kind in kinds.items() if kind is Kind.PLAIN} == {
        "sent_emails.related_patient_id",
        "xero_sync_logs.local_entity_id",
        "patient_flags.patient_id",
    }
    assert keys == {
        *(f"{table}.patient_id" for table in ("appointments", "notes", "letters_patientletter", "reminders")),
        *(f"{table}.patient_id" for table in ("encounters", "sms_messages", "sms_inbound", "xero_contact_links")),
        *(f"{table}.patient_id" for table in ("patient_referrers", "patient_coordinators", "xero_invoice_links")),
        *(f"{table}.patient_id" for table in ("xero_quote_links", "referral_forms", "episodes", "measurements")),
        "plan_budgets.patient_id, clinic_id",
    }


def test_links_to_appointments_are_known_too(strange: Installation) -> None:
    kinds = {name: link.kind for name, link in links_to(strange, "appointments").items()}
    assert kinds["tagged_items.object_id"] is Kind.GENERIC
    assert kinds["reminders.appointment_id"] is Kind.PLAIN
    assert kinds["sent_emails.related_appointment_id"] is Kind.PLAIN
    assert kinds["appointments.parent_appointment_id"] is Kind.FOREIGN_KEY
    assert kinds["reporting.visits.appointment_id"] is Kind.FOREIGN_KEY


@pytest.mark.parametrize(
    ("nexus_only", "treatment", "link", "action"),
    [
        ("keep", "cascades", "referral_forms.patient_id", Action.HOLDS),
        ("keep", "kept", "patient_flags.patient_id", Action.HOLDS),
        ("keep", "untouched", "tagged_items.object_id", Action.HOLDS),
        ("keep", "kept", "sent_emails.related_patient_id", Action.HOLDS),
        ("keep", "kept", "documents_document.object_id", Action.HOLDS),
        ("delete", "cascades", "referral_forms.patient_id", Action.CASCADES),
        ("delete", "cascades", "tagged_items.object_id", Action.CASCADES),
        ("delete", "cascades", "patient_flags.patient_id", Action.CASCADES),
        ("delete", "cascades", "plan_budgets.patient_id, clinic_id", Action.CASCADES),
        ("delete", "kept", "referral_forms.patient_id", Action.CLEARS),
        ("delete", "kept", "plan_budgets.patient_id, clinic_id", Action.HOLDS),
        ("delete", "kept", "tagged_items.object_id", Action.DANGLES),
        ("delete", "kept", "patient_flags.patient_id", Action.DANGLES),
        ("delete", "untouched", "referral_forms.patient_id", Action.HOLDS),
        ("delete", "untouched", "patient_flags.patient_id", Action.DANGLES),
        ("delete", "kept", "notes.patient_id", Action.CASCADES),
        ("delete", "kept", "sms_inbound.patient_id", Action.CLEARS),
        ("delete", "kept", "xero_quote_links.patient_id", Action.CLEARS),
        ("delete", "kept", "encounters.patient_id", Action.CASCADES),
        ("delete", "kept", "documents_document.object_id", Action.HOLDS),
        ("delete", "kept", "sent_emails.related_patient_id", Action.DANGLES),
    ],
)
def test_policy_decides_what_a_link_does(
    strange: Installation, nexus_only: str, treatment: str, link: str, action: Action
) -> None:
    policy = {"treatment": treatment, "nexus_only": nexus_only}
    assert action_of(links_to(strange, "patients", **policy)[link], declare(**policy)) is action


def test_key_of_a_kept_table_that_may_not_be_empty_holds(strange: Installation) -> None:
    policy = {"treatment": "kept", "nexus_only": "delete"}
    link = links_to(strange, "referral_forms", **policy)["referral_pages.form_id"]
    assert action_of(link, declare(**policy)) is Action.HOLDS


def test_single_table_can_be_kept_in_a_run_that_deletes(strange: Installation) -> None:
    policy = declare(nexus_only="delete", nexus_only_tables={"encounters": "keep"})
    links = links_to(strange, "patients")
    assert action_of(links["encounters.patient_id"], policy) is Action.HOLDS
    assert action_of(links["sms_messages.patient_id"], policy) is Action.CASCADES


def test_nearest_way_to_a_root_is_named(strange: Installation) -> None:
    with strange.importer() as connection:
        paths = paths_to(read_links(connection, declare()))
    assert [link.name for link in paths["tag_votes"]] == ["tag_votes.tag_id", "tagged_items.object_id"]
    assert [link.name for link in paths["xero_payments"]] == [
        "xero_payments.invoice_link_id",
        "xero_invoice_links.appointment_id",
    ]
    assert {"clinics", "companies", "auth_user", "gmail_connections"} & paths.keys() == set()


def test_stored_links_come_back_as_they_were(undone: ManualRun) -> None:
    policy = POLICY.data_policy("delete")
    links = [link for link in read_links(undone.connection, policy) if link.parent_table in policy.copied_tables]
    store_links(undone.connection, links, policy)
    stored = stored_links(undone.connection)
    assert dict(stored) == {link: action_of(link, policy) for link in links}
    assert {action for _, action in stored} == set(Action)
