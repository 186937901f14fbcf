"""The listing of the bucket against the rows: what differs in size, and what no row names."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.files import check_listing, shown_key
from nexus_import.storage import ListedObject, ObjectStore

from tests.nexus.live_rows import add_document
from tests.nexus.manual_run import POLICY, STAYS, ManualRun
from tests.support.installation import BUCKET

CHECKS = ["phase_8/files_exist", "phase_8/file_sizes_agree", "phase_8/objects_have_rows"]


@pytest.fixture
def store(run: ManualRun) -> ObjectStore:
    """The clinic's bucket."""
    return ObjectStore(run.installation.s3(), BUCKET, POLICY.storage.prefix, "AES256")


def listed(store: ObjectStore) -> Iterator[ListedObject]:
    """List the folders of the policy."""
    for folder in POLICY.storage.file_prefixes:
        yield from store.list_objects(folder)


def compare(run: ManualRun, store: ObjectStore) -> dict[str, CheckResult]:
    """Return the checks of the listing by id."""
    with run.connection.transaction():
        results = check_listing(run.connection, listed(store), lambda _, default: default, POLICY.storage.file_prefixes)
    return {result.check_id: result for result in results}


def test_the_clinics_files_are_all_there_and_named(run: ManualRun, store: ObjectStore) -> None:
    results = compare(run, store)
    assert {check: result.findings for check, result in results.items()} == {check: [] for check in CHECKS}
    assert [results[check].severity for check in CHECKS] == ["stop", "warn", "warn"]


def test_other_sizes_and_objects_without_a_row_are_reported(run: ManualRun, store: ObjectStore) -> None:
    folder = f"documents/{uuid.uuid4()}"
    cut_off, nobodys = f"{folder}/1.pdf", f"{folder}/Jane Citizen letter.pdf"
    for key in (cut_off, nobodys):
        store.put_bytes(key, b"%PDF-", "application/pdf")
    try:
        document = add_document(run.installation, STAYS, s3_key=cut_off, file_size=1000)
        run.copy()
        results = compare(run, store)
    finally:
        for key in (cut_off, nobodys):
            store.remove(key)
    found = results["phase_8/file_sizes_agree"].findings
    assert [(str(finding.nexus_id), finding.detail) for finding in found] == [
        (document, "1000 bytes in the row, 5 in the object")
    ]
    assert [finding.detail for finding in results["phase_8/objects_have_rows"].findings] == [f"{folder}/….pdf"]
    assert results["phase_8/files_exist"].findings == []


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("images/1234.png", "images/1234.png"),
        (f"images/{uuid.UUID(int=7)}.jpg", f"images/{uuid.UUID(int=7)}.jpg"),
        ("documents/7/Jane Citizen.pdf", "documents/7/….pdf"),
        ("documents/7/jane.citizen.pdf", "documents/7/….pdf"),
        ("documents/7/jane", "documents/7/…"),
        ("documents/7/", "documents/7/…"),
        ("documents/Jane Citizen/1.pdf", "documents/…/1.pdf"),
        ("patients/Jane Citizen 1970/x y.pdf", "patients/…/….pdf"),
        ("images/jane-citizen/2026-03-07/5.PNG", "images/…/2026-03-07/5.PNG"),
        ("documents/7/1.jane", "documents/7/1"),
        ("documents/7/jane.citizen", "documents/7/…"),
        ("filemaker-import/2026/7", "filemaker-import/2026/7"),
    ],
)
def test_names_that_people_may_have_given_are_not_shown(key: str, shown: str) -> None:
    assert shown_key(key, {"documents", "images", "patients", "filemaker-import"}) == shown
