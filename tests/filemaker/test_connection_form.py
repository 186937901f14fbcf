"""The connection form as Airflow's UI gets it, and its test as the UI starts it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.models.connection import Connection as ServerConnection
from airflow.providers_manager import ProvidersManager
from airflow.sdk import Connection as WorkerConnection
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime
from nexus_import.filemaker import client
from nexus_import.filemaker.hook import FileMakerHook
from nexus_import.provider_info import get_provider_info

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, PASSWORD, USER


@pytest.fixture(scope="module")
def form() -> Iterator[Any]:
    """The description that the endpoint of the UI answers with."""
    HookMetaService.hook_meta_data.cache_clear()
    described = [meta for meta in HookMetaService.hook_meta_data() if meta.connection_type == FileMakerHook.conn_type]
    assert len(described) == 1
    yield described[0]
    HookMetaService.hook_meta_data.cache_clear()


def extra_fields(form: Any) -> Mapping[str, Any]:
    fields = form.extra_fields
    assert isinstance(fields, Mapping)
    return fields


def test_airflow_offers_the_connection_type(form: Any) -> None:
    hook = ProvidersManagerTaskRuntime().hooks["filemaker"]
    assert hook is not None
    assert hook.hook_class_name == form.hook_class_name == "nexus_import.filemaker.hook.FileMakerHook"
    assert hook.connection_id_attribute_name == FileMakerHook.conn_name_attr
    assert hook.connection_testable
    assert hook.hook_name == form.hook_name == FileMakerHook.hook_name


def test_the_standard_fields_are_named_for_filemaker(form: Any) -> None:
    standard = form.standard_fields
    assert not standard.port.hidden
    assert standard.port.placeholder == "443: without a number here Airflow's Test fails"
    assert (standard.host.title, standard.host.placeholder) == ("Server address", "https://filemaker.example.com")
    assert (standard.url_schema.title, standard.login.title) == ("Database", "Account name")
    assert not standard.host.hidden
    assert not standard.url_schema.hidden
    assert standard.password is None, "shown as Airflow shows it, masked"
    assert standard.description is None


def test_the_fields_of_our_own_have_labels_kinds_and_descriptions(form: Any) -> None:
    fields = extra_fields(form)
    assert {name: field["schema"]["type"] for name, field in fields.items()} == {
        "page_size": ["integer", "null"],
        "sessions": ["integer", "null"],
        "ca_file": ["string", "null"],
        "connect_timeout": ["number", "null"],
        "read_timeout": ["number", "null"],
        "layouts": ["array", "null"],
    }
    for field in fields.values():
        assert field["schema"]["title"]
        assert field["description"].endswith(".")
        jsonschema.Draft7Validator.check_schema(field["schema"])
        jsonschema.validate(field["value"], field["schema"])
    assert fields["layouts"]["schema"]["items"] == {"type": "string"}


def test_the_form_is_filled_in_with_what_the_client_does_anyway(form: Any) -> None:
    assert {name: field["value"] for name, field in extra_fields(form).items()} == {
        "page_size": client.PAGE_SIZE_RECORDS,
        "sessions": client.SESSIONS,
        "ca_file": None,
        "connect_timeout": client.CONNECT_TIMEOUT_SECONDS,
        "read_timeout": client.READ_TIMEOUT_SECONDS,
        "layouts": None,
    }


def test_airflows_own_widgets_and_behaviours_are_those_described() -> None:
    manager = ProvidersManager()
    widgets = {
        name.removeprefix("extra__filemaker__"): widget
        for name, widget in manager.connection_form_widgets.items()
        if name.startswith("extra__filemaker__")
    }
    described = get_provider_info()["connection-types"][0]
    assert list(widgets) == list(described["conn-fields"])
    assert not any(widget.is_sensitive for widget in widgets.values())
    behaviour = manager.field_behaviours["filemaker"]
    assert behaviour["hidden_fields"] == []
    assert behaviour["relabeling"] == described["ui-field-behaviour"]["relabeling"]
    assert behaviour["placeholders"] == described["ui-field-behaviour"]["placeholders"]


def filled_in(form: Any, simulator: Simulator, **changes: Any) -> dict[str, Any]:
    """Return a connection as the form saves it, with the values that it came with."""
    extra = {name: field["value"] for name, field in extra_fields(form).items()} | changes
    return {
        "conn_id": "just_typed",
        "conn_type": "filemaker",
        "host": simulator.url,
        "schema": "Clinic",
        "login": USER,
        "password": PASSWORD,
        "extra": json.dumps(extra),
    }


@pytest.mark.filterwarnings("ignore::airflow.utils.deprecation_tools.DeprecatedImportWarning")  # the server's own
@pytest.mark.parametrize("kind", [ServerConnection, WorkerConnection], ids=["in the server", "in a worker"])
def test_the_test_button_tests_what_is_in_the_form(
    kind: Any, form: Any, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = kind(**filled_in(form, simulator, layouts=[CONTACTS]))
    monkeypatch.setenv("AIRFLOW_CONN_JUST_TYPED", typed.get_uri())  # how Airflow hands it to the hook
    is_working, sentence = typed.test_connection()
    assert is_working, sentence
    assert sentence.endswith("1 layout named here can be read.")
    with FileMakerHook("just_typed").get_conn() as opened:
        assert opened.found_count(CONTACTS) == CONTACT_COUNT
        assert opened.page_size == client.PAGE_SIZE_RECORDS

    wrong = kind(**filled_in(form, simulator, layouts=["API_Contact"]))
    monkeypatch.setenv("AIRFLOW_CONN_JUST_TYPED", wrong.get_uri())
    assert wrong.test_connection()[1].endswith("the nearest to 'API_Contact' is 'API_Contacts'.")
    assert simulator.control.state()["sessions_open"] == 0
