"""The one sentence of the connection form when the server answers: account, database, layouts, capacity."""

from __future__ import annotations

import pytest

from local.simulator import Simulator

from .conftest import CONTACTS, EMPTY
from .diagnosing import Diagnose
from .servers import envelope, scripted_server


def test_wrong_password(simulator: Simulator, problem: Diagnose) -> None:
    sentence = problem(password="wrong")
    assert "refused the account 'nexus_import' or its password for database 'Clinic' (code 212)" in sentence
    assert "wrong" not in sentence
    assert simulator.control.state()["logins_refused"] == 1, "bad log-ins lock the account"


def test_too_many_log_ins(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(bad_logins_before_lock=1)
    problem(password="wrong")
    assert "locked after too many bad log-ins (code 214)" in problem()


@pytest.mark.parametrize("code", [9, 212, 802])
def test_privilege_missing(code: int, simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(missing_privilege_code=code)
    sentence = problem(username="without_fmrest")
    assert f"(code {code})" in sentence
    assert "the extended privilege fmrest" in sentence
    assert "'without_fmrest'" in sentence


def test_privilege_missing_where_the_list_leaves_the_database_out(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(missing_privilege_code=802, database_list_is_filtered=True)
    assert "the extended privilege fmrest" in problem(username="without_fmrest")


def test_no_account(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 10, "target": "login"}])
    assert "fill in user name and password" in problem()


def test_a_refusal_without_a_sentence_of_its_own(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 211, "target": "login", "status": 401}])
    assert problem() == "FileMaker refused the account 'nexus_import' for database 'Clinic' (code 211)."


def test_a_misspelt_database(problem: Diagnose) -> None:
    assert problem(database="Clinics").endswith("hosts no database 'Clinics' (code 802): the nearest name is 'Clinic'.")


def test_a_database_that_is_not_hosted(problem: Diagnose) -> None:
    sentence = problem(database="Warehouse")
    assert "hosts no database 'Warehouse' that this account can see, among 1 (code 802)" in sentence


def test_a_database_that_is_closed(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(closed_databases=["Clinic"])
    sentence = problem()
    assert "database 'Clinic'" in sentence
    assert "(code 802)" in sentence
    assert "open the file" in sentence


def test_a_database_that_is_listed_and_cannot_be_opened(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 802, "target": "login"}])
    sentence = problem()
    assert "although it is hosted (code 802): check that the file is not closed" in sentence
    assert "fmrest" in sentence


def test_a_database_of_a_server_that_lists_none(problem: Diagnose) -> None:
    with scripted_server({"GET /productInfo": envelope(0), "POST /sessions": envelope(802, status=500)}) as server:
        sentence = problem(url=server.url)
    assert "could not open the database 'Clinic' (code 802): check that its name is spelled" in sentence


def test_a_database_in_another_spelling(problem: Diagnose) -> None:
    replies = {
        "GET /productInfo": envelope(0),
        "POST /sessions": envelope(0, {"token": "c0ffee"}),
        "GET /layouts": envelope(952, status=401),
        "DELETE /c0ffee": envelope(0),
    }
    with scripted_server(replies) as server:
        assert "write 'Clinic' as FileMaker does, upper and lower case included" in problem(url=server.url)


def test_a_layout_that_is_missing(problem: Diagnose) -> None:
    sentence = problem(("API_Contact", CONTACTS, "Nowhere"))
    assert sentence == (
        "Logged in, but database 'Clinic' has no layout 'API_Contact', 'Nowhere':"
        " the nearest to 'API_Contact' is 'API_Contacts'."
    )
    assert problem(("?",)) == "Logged in, but database 'Clinic' has no layout '?'."


def test_a_layout_that_may_not_be_read(problem: Diagnose) -> None:
    sentence = problem((EMPTY, CONTACTS), username="without_contacts")
    assert "The account 'without_contacts' may not read layout 'API_Contacts' (code " in sentence


@pytest.mark.parametrize("code", [9, 200, 201, 202])
def test_every_code_for_a_missing_right(code: int, simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": code, "target": CONTACTS, "status": 500}])
    assert f"may not read layout 'API_Contacts' (code {code})" in problem((EMPTY, CONTACTS))


def test_layouts_that_may_not_be_listed(simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 200, "target": "*", "after": 1}])
    assert "may not read the layouts of database 'Clinic' (code 200)" in problem()


@pytest.mark.parametrize(
    ("code", "part"),
    [
        (105, "lists layout 'API_Contacts' and then does not find it (code 105)"),
        (953, "the licence must be extended"),
        (106, "refused to read layout 'API_Contacts' (code 106, HTTP 500)"),
    ],
)
def test_a_layout_that_cannot_be_read(code: int, part: str, simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": code, "target": CONTACTS}])
    assert part in problem((CONTACTS,))


@pytest.mark.parametrize(
    ("code", "part"), [(812, "is at its capacity of sessions"), (956, "has its maximum of database")]
)
def test_capacity(code: int, part: str, simulator: Simulator, problem: Diagnose) -> None:
    simulator.control.set_faults(session_cap=0, session_cap_code=code)
    sentence = problem()
    assert part in sentence
    assert f"(code {code})" in sentence
    assert simulator.control.state()["logins_refused"] == 1, "the form tells how things are now"
