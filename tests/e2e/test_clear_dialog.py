"""A stopped run, mended in FileMaker, goes on when a person confirms the UI's clear dialog as it comes up."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Response

from local.airflow import ADMIN
from tests.e2e.browser import logged_in
from tests.e2e.import_run import DAG_ID
from tests.e2e.world import World

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CONTACTS = "API_Contacts"
OPEN_DIALOG = "[role=dialog][data-scope=dialog][data-state=open]"


def _is_clearing(answer: Response) -> bool:
    """Tell the clearing from the dialog's own question what would be cleared."""
    body = answer.request.post_data or ""
    return answer.url.endswith("/clearTaskInstances") and '"dry_run":false' in body and answer.ok


def test_confirming_the_dialog_as_it_comes_up_finishes_the_run(fresh: World) -> None:
    record = fresh.filemaker_records(CONTACTS)[2]
    place = f"layouts/{CONTACTS}/records/{record['recordId']}"
    fresh.filemaker("PATCH", place, {"fieldData": {"clinic_name": "Newcasle"}})
    run = fresh.start()
    assert run.wait() == "failed"
    task = run.named_task()
    fresh.filemaker("PATCH", place, {"fieldData": {"clinic_name": record["fieldData"]["clinic_name"]}})

    addresses = fresh.stack.addresses
    with logged_in(addresses.airflow_url, ADMIN, addresses.airflow_password) as page:
        page.goto(f"{addresses.airflow_url}/dags/{DAG_ID}/runs/{quote(run.run_id, safe='')}/tasks/{task}")
        page.get_by_role("button", name="Press shift+c to clear").click()
        with page.expect_response(_is_clearing):
            page.locator(OPEN_DIALOG).get_by_role("button", name="Confirm").click()
    assert run.wait() == "success", run.last_words()
    published = fresh.rows("SELECT count(*) FROM nexus_import.publication WHERE verified_at IS NOT NULL")
    assert published == [(1,)]
