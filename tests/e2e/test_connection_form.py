"""The administrator types a FileMaker connection into the UI's form, presses Test, and reads what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Page

from local.airflow import ADMIN
from local.stack import Stack
from tests.e2e.browser import logged_in

pytestmark = [pytest.mark.stack, pytest.mark.browser]

CONNECTION = "typed_into_the_form"
REQUEST_SECONDS = 30


@pytest.fixture
def connections_page(stack: Stack) -> Iterator[Page]:
    """The UI's list of connections; what was saved there is gone afterwards."""
    with logged_in(stack.addresses.airflow_url, ADMIN, stack.addresses.airflow_password) as page:
        page.goto(f"{stack.addresses.airflow_url}/connections")
        yield page
    stack.airflow.request("DELETE", f"connections/{CONNECTION}")


def type_in(page: Page, stack: Stack) -> None:
    places = stack.addresses
    server = urlsplit(places.filemaker_url)
    page.get_by_role("button", name="Add Connection").click()
    page.get_by_label("Connection ID").fill(CONNECTION)
    page.get_by_role("combobox").first.click()
    page.keyboard.type("FileMaker")
    page.get_by_role("option", name="FileMaker Data API").click()
    page.locator("[name=host]").fill(f"{server.scheme}://{server.hostname}")
    page.locator("[name=port]").fill(str(server.port))
    page.locator("[name=schema]").fill(places.filemaker_database)
    page.locator("[name=login]").fill(places.filemaker_user)
    page.locator("[name=password]").fill(places.filemaker_password)
    page.get_by_role("button", name="Extra Fields", exact=True).click()
    page.locator("[name=element_layouts]").fill("API_Contacts\nAPI_Notes")
    page.get_by_role("button", name="Save").click()


def press_test(page: Page) -> tuple[bool, str]:
    with page.expect_response(lambda answer: answer.url.endswith("/connections/test")) as answered:
        page.get_by_role("button", name="Test Connection").click()
    said = answered.value.json()
    return said["status"], said["message"]


def test_what_was_typed_in_can_be_tested_and_what_is_wrong_is_read(stack: Stack, connections_page: Page) -> None:
    type_in(connections_page, stack)
    is_working, sentence = press_test(connections_page)
    assert is_working, sentence
    assert sentence.endswith("2 layouts named here can be read.")

    wrong = {"connection_id": CONNECTION, "conn_type": "filemaker", "password": "wrong"}
    stack.airflow.request("PATCH", f"connections/{CONNECTION}", params={"update_mask": "password"}, json=wrong)
    connections_page.reload()
    is_working, sentence = press_test(connections_page)
    assert not is_working
    connections_page.get_by_text(sentence).first.wait_for()
    assert sentence.startswith("FileMaker refused the account 'nexus_import' or its password for database 'Clinic'")

    state = requests.get(f"{stack.addresses.filemaker_control_url}/state", timeout=REQUEST_SECONDS).json()
    assert state["sessions_open"] == 0
