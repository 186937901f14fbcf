"""Who may open which file: accounts, privileges, Claris ID and OAuth, several databases, closed ones."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from local.simulator import Simulator
from local.simulator.behaviour.faults import FaultError
from local.simulator.data.dataset import DataSetError
from tests.simulator.tiny_clinic import PASSWORD, TIMEOUT_SECONDS, USER, DataApiClient, outcome
from tests.simulator.worlds import field_data, layout, serving, world

PEOPLE = layout("People", {"id": "text"}, [{"id": "A"}, {"id": "B"}])
SECRETS = layout("Secrets", {"id": "text"}, [{"id": "S"}])
ELSEWHERE = layout("Elsewhere", {"id": "text"}, [{"id": "E"}], dataSource="Archive")
LOST = layout("Lost", {"id": "text"}, [{"id": "L"}], dataSource="Nowhere")
CLINIC = world(
    PEOPLE,
    SECRETS,
    ELSEWHERE,
    LOST,
    {"layout": "PeopleSecrets", "table": "People_TO", "fields": [{"name": "id"}]},
    {"layout": "PeopleElsewhere", "table": "People_TO", "fields": [{"name": "id"}], "dataSource": "Archive"},
    accounts=[
        {"user": "reader", "password": "r", "readOnly": True, "deniedLayouts": ["Secrets", "PeopleSecrets"]},
        {"user": "no_api", "password": "n", "fmrest": False},
    ],
    fmidTokens=["claris.id.token"],
    oauth=[{"requestId": "REQ", "identifier": "IDENT"}],
)
ARCHIVE = world(layout("People", {"id": "text"}, [{"id": "old"}]), database="Archive", user="archivist", password="a")
ARCHIVIST = {"database": "archive", "username": "archivist", "password": "a"}


def list_databases(simulator: Simulator, **options: Any) -> requests.Response:
    return requests.get(f"{simulator.url}/fmi/data/v2/databases", timeout=TIMEOUT_SECONDS, **options)


def names(answer: requests.Response) -> list[str]:
    assert outcome(answer) == (200, "0")
    return [database["name"] for database in answer.json()["response"]["databases"]]


def test_every_account_opens_the_file_with_its_own_password() -> None:
    with serving(CLINIC) as (simulator, _):
        client = DataApiClient(simulator)
        assert outcome(client.log_in(auth=("reader", "r"))) == (200, "0")
        assert outcome(client.log_in(auth=("reader", PASSWORD))) == (401, "212")


@pytest.mark.parametrize(("code", "status"), [(212, 401), (9, 401), (802, 500)])
def test_an_account_without_the_privilege_of_the_api(code: int, status: int) -> None:
    with serving(CLINIC, variants={"missing_privilege_code": code}) as (simulator, _):
        client = DataApiClient(simulator)
        assert outcome(client.log_in(auth=("no_api", "n"))) == (status, str(code))
        assert client.token == ""


def test_a_reader_writes_nothing_and_does_not_see_denied_layouts() -> None:
    with serving(CLINIC) as (simulator, owner):
        reader = DataApiClient(simulator)
        reader.log_in(auth=("reader", "r"))
        assert len(field_data(reader.records("People"))) == 2
        body = {"fieldData": {"id": "C"}}
        assert outcome(reader.call("POST", "layouts/People/records", json=body)) == (500, "200")
        assert outcome(reader.call("PATCH", "layouts/People/records/1", json=body)) == (500, "201")
        assert outcome(reader.call("DELETE", "layouts/People/records/1")) == (500, "200")
        assert outcome(reader.records("Secrets")) == (500, "200")
        assert outcome(reader.call("GET", "layouts/Secrets")) == (500, "200")
        hidden = {"layout.response": "PeopleSecrets"}
        assert outcome(reader.records("People", **hidden)) == (500, "200")
        assert outcome(reader.find({"id": "A"}, layout="People", **hidden)) == (500, "200")
        one = {"params": hidden}
        assert outcome(reader.call("GET", "layouts/People/records/1", **one)) == (500, "200")
        assert outcome(owner.call("GET", "layouts/People/records/1", **one)) == (200, "0")
        assert len(field_data(owner.records("Secrets"))) == 1
        assert len(field_data(owner.records("People"))) == 2


def log_in_by_claris_id(client: DataApiClient, token: str = "claris.id.token") -> requests.Response:
    return client.log_in(auth=None, headers={"Authorization": f"FMID {token}"})


def test_a_log_in_by_claris_id_answers_the_token_in_the_header_only() -> None:
    with serving(CLINIC) as (simulator, _):
        client = DataApiClient(simulator)
        answer = log_in_by_claris_id(client)
        assert (outcome(answer), answer.json()["response"]) == ((200, "0"), {})
        assert len(field_data(client.records("People"))) == 2
        assert outcome(log_in_by_claris_id(client, "other")) == (401, "212")
        simulator.control.set_faults(fmid_login_body_has_token=True)
        answer = log_in_by_claris_id(client)
        assert answer.json()["response"] == {"token": client.token}


@pytest.mark.parametrize("is_html", [False, True])
def test_a_session_by_claris_id_ends_after_its_hour_however_busy_it_is(is_html: bool) -> None:
    with serving(CLINIC) as (simulator, by_password):
        simulator.control.set_faults(fmid_expired_is_html=is_html)
        client = DataApiClient(simulator)
        log_in_by_claris_id(client)
        for _ in range(7):
            simulator.control.advance_clock(510)
            assert len(field_data(client.records("People"))) == 2
            by_password.records("People")
        simulator.control.advance_clock(100)
        answer = client.records("People")
        if is_html:
            assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html")
        else:
            assert outcome(answer) == (401, "952")
        assert outcome(by_password.records("People")) == (200, "0")
        assert outcome(log_in_by_claris_id(client)) == (200, "0")


@pytest.mark.parametrize(
    ("request_id", "identifier", "expected"),
    [("REQ", "IDENT", (200, "0")), ("REQ", "other", (401, "212")), ("REQ", "", (401, "10"))],
)
def test_a_log_in_by_oauth(request_id: str, identifier: str, expected: tuple[int, str]) -> None:
    with serving(CLINIC) as (simulator, _):
        headers = {"X-FM-Data-OAuth-Request-Id": request_id, "X-FM-Data-OAuth-Identifier": identifier}
        client = DataApiClient(simulator)
        assert outcome(client.log_in(auth=None, headers=headers)) == expected


def test_a_lock_is_for_one_account() -> None:
    with serving(CLINIC) as (simulator, _):
        simulator.control.set_faults(bad_logins_before_lock=1)
        client = DataApiClient(simulator)
        assert outcome(client.log_in(auth=("reader", "wrong"))) == (401, "212")
        assert outcome(client.log_in(auth=("reader", "r"))) == (401, "214")
        assert outcome(client.log_in()) == (200, "0")


def test_several_databases_each_with_its_accounts_layouts_and_tokens() -> None:
    with serving(CLINIC, ARCHIVE) as (simulator, client):
        assert names(list_databases(simulator)) == ["Clinic", "Archive"]
        archive = f"{client.root}/databases/Archive"
        bearer = {"Authorization": f"Bearer {client.token}"}
        refused = requests.get(f"{archive}/layouts/People/records", headers=bearer, timeout=TIMEOUT_SECONDS)
        assert outcome(refused) == (401, "952")
        assert outcome(requests.post(f"{archive}/sessions", auth=(USER, PASSWORD), timeout=TIMEOUT_SECONDS)) == (
            401,
            "212",
        )
        other = DataApiClient(simulator)
        other.base = archive
        assert outcome(other.log_in(auth=("archivist", "a"))) == (200, "0")
        assert field_data(other.records("People")) == [{"id": "old"}]
        assert other.records("People").json()["response"]["dataInfo"]["database"] == "Archive"
        assert len(field_data(client.records("People"))) == 2
        state = simulator.control.state()
        assert state["records"]["People"] == 2
        assert state["other_records"] == {"Archive": {"People": 1}}


def test_the_control_reaches_every_database() -> None:
    with serving(CLINIC, ARCHIVE) as (simulator, client):
        path = f"{simulator.control_url}/layouts/People/records"
        body = {"fieldData": {"id": "new"}}
        answer = requests.post(path, params={"database": "Archive"}, json=body, timeout=TIMEOUT_SECONDS)
        assert answer.json() == {"recordId": "2"}
        simulator.control.edit_record("People", "2", {"id": "newer"}, database="Archive")
        simulator.control.delete_record("People", "1", database="archive")
        assert simulator.control.state()["other_records"] == {"Archive": {"People": 1}}
        change = {"layout": "People", "operation": "delete", "record_id": "2", "database": "Archive"}
        simulator.control.between_pages([change])
        client.records("People")
        assert simulator.control.state()["changes_pending"] == 1, "a request for the other database's layout"
        with pytest.raises(FaultError, match="no database 'Nowhere' is hosted"):
            simulator.control.delete_record("People", "1", database="Nowhere")
        simulator.control.reset()
        assert simulator.control.state()["other_records"] == {"Archive": {"People": 1}}


def test_two_databases_of_one_name_are_refused() -> None:
    with pytest.raises(DataSetError, match="same name"):
        Simulator.from_dataset(CLINIC, {**ARCHIVE, "database": "CLINIC"})


def test_a_closed_database() -> None:
    with serving(CLINIC, ARCHIVE) as (simulator, client):
        simulator.control.set_faults(closed_databases=["clinic"])
        assert outcome(client.records("People")) == (401, "952")
        assert outcome(client.log_in()) == (500, "802")
        assert names(list_databases(simulator)) == ["Archive"]
        simulator.control.set_faults(closed_databases=[])
        assert outcome(client.log_in()) == (200, "0")
        assert outcome(client.records("People")) == (200, "0")
        simulator.control.set_faults(closed_databases="Archive")
        assert outcome(client.records("People")) == (200, "0")
        with pytest.raises(FaultError, match="no database 'Nowhere' is hosted; hosted: Clinic, Archive"):
            simulator.control.set_faults(closed_databases=["Nowhere"])
        assert simulator.control.state()["faults"]["closed_databases"] == ["Archive"]
        simulator.control.clear_faults()
        assert names(list_databases(simulator)) == ["Clinic", "Archive"]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ((USER, PASSWORD), ["Clinic"]),
        (("archivist", "a"), ["Archive"]),
        (("archivist", "wrong"), (401, "212")),
        (None, (401, "10")),
    ],
)
def test_a_filtered_list_of_databases(auth: Any, expected: Any) -> None:
    with serving(CLINIC, ARCHIVE, variants={"database_list_is_filtered": True}) as (simulator, _):
        answer = list_databases(simulator, auth=auth)
        assert (names(answer) if isinstance(expected, list) else outcome(answer)) == expected


def test_an_open_list_takes_any_authorization() -> None:
    with serving(CLINIC) as (simulator, _):
        assert names(list_databases(simulator, auth=("x", "y"))) == ["Clinic"]


@pytest.mark.parametrize("case_matters", [True, False])
def test_the_database_in_another_case(case_matters: bool) -> None:
    with serving(CLINIC, variants={"database_name_case_matters": case_matters}) as (_, client):
        client.base = f"{client.root}/databases/CLINIC"
        assert outcome(client.records("People")) == ((401, "952") if case_matters else (200, "0"))
        assert outcome(client.log_in()) == (200, "0"), "the name in a log-in is never compared by case"
        assert outcome(client.records("People")) == (200, "0")


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([ARCHIVIST], (200, "0")),
        ([{**ARCHIVIST, "password": "wrong"}], (500, "212")),
        ([], (500, "212")),
    ],
)
def test_a_second_file_is_opened_when_its_layout_is(sources: list[Any], expected: tuple[int, str]) -> None:
    with serving(CLINIC, ARCHIVE) as (simulator, client):
        answer = client.log_in(json={"fmDataSource": sources})
        assert outcome(answer) == (200, "0"), "a wrong account of another file is not noticed at the log-in"
        status, code = expected
        simulator.control.set_faults(status_by_code={"212": 500})
        assert outcome(client.records("Elsewhere")) == (status, code)
        assert outcome(client.records("People")) == (200, "0")
        simulator.control.set_faults(closed_databases=["Archive"])
        assert outcome(client.records("Elsewhere")) == (500, "802")
        assert outcome(client.records("Lost")) == (500, "100")


@pytest.mark.parametrize(
    "sources",
    [{}, "x", [1], [{"username": "u"}], [{"database": 1}], [{"database": "B", "username": None}]],
)
def test_data_sources_of_a_wrong_shape(sources: Any) -> None:
    with serving(CLINIC) as (_, client):
        assert outcome(client.log_in(json={"fmDataSource": sources})) == (400, "1708")


def test_a_data_source_by_oauth() -> None:
    archive = {**ARCHIVE, "oauth": [{"requestId": "R", "identifier": "I"}]}
    with serving(CLINIC, archive) as (_, client):
        source = {"database": "Archive", "oAuthRequestId": "R", "oAuthIdentifier": "I"}
        client.log_in(json={"fmDataSource": [source]})
        assert outcome(client.records("Elsewhere")) == (200, "0")


def test_an_answer_in_a_layout_that_needs_another_file_opens_that_file() -> None:
    with serving(CLINIC, ARCHIVE) as (simulator, client):
        query = {"layout.response": "PeopleElsewhere"}
        assert outcome(client.records("People", **query)) == (401, "212")
        client.log_in(json={"fmDataSource": [ARCHIVIST]})
        assert len(field_data(client.records("People", **query))) == 2
        simulator.control.set_faults(closed_databases=["Archive"])
        assert outcome(client.records("People", **query)) == (500, "802")
