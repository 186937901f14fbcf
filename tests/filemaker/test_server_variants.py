"""What servers do differently makes no difference to the client."""

from __future__ import annotations

from typing import Any

import pytest
from nexus_import.errors import FileMakerLoginError, FileMakerRequestError, FileMakerUnavailable
from nexus_import.filemaker.walk import walk_layout

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, EMPTY, Connect


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"login_body_has_token": False},
        {"gzip": False},
        {"empty_layout_is_error": True},
        {"find_past_end_is_empty": True},
        {"product_info_is_short": True},
        {"layouts_have_table": False},
        {"database_list_is_filtered": True},
        {"status_by_code": {"101": 404, "401": 404}},
        {"killed_session_code": 952},
        {"missing_token_code": 952},
    ],
    ids=str,
)
def test_everything_is_read(variant: dict[str, Any], simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(**variant)
    with connect() as client:
        assert client.product_info()["name"]
        assert client.databases() == ["Clinic"]
        assert CONTACTS in client.layouts()
        assert client.found_count(EMPTY) == 0
        assert client.find(CONTACTS, [{"id": "==none"}]).records == ()
        assert client.find(CONTACTS, [{"id": "*"}], offset=1000).records == ()
        assert client.get_records(CONTACTS, offset=1000).records == ()
        for key_field in ("id", None):
            simulator.control.kill_tokens()
            walk = walk_layout(client, CONTACTS, key_field, page_size=10)
            assert sum(len(page.records) for page in walk) == CONTACT_COUNT
            assert walk.summary.rewalked == 0
    assert simulator.control.state()["sessions_open"] == 0


def test_a_session_that_dies_under_its_request_is_replaced(simulator: Simulator, connect: Connect) -> None:
    with connect(retry_attempts=1) as client:
        for code in (112, 952):
            simulator.control.set_faults(killed_session_code=code, kill_tokens_after=0)
            assert client.found_count(CONTACTS) == CONTACT_COUNT
    assert client.login_count == 3


def test_a_server_that_is_too_old_is_named(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(has_data_info=False)
    for read in (lambda: connect().found_count(CONTACTS), lambda: connect().record(CONTACTS, "1")):
        with pytest.raises(FileMakerRequestError, match="FileMaker Server 18 or newer"):
            read()


@pytest.mark.parametrize("code", [812, 956])
def test_a_full_server_is_waited_for_by_either_code(code: int, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(session_cap=0, session_cap_code=code)
    with pytest.raises(FileMakerUnavailable, match=rf"\(code {code}\).*Gave up after 3 attempts"):
        connect(retry_attempts=3).found_count(CONTACTS)


@pytest.mark.parametrize("code", [9, 212, 802])
def test_an_account_without_the_privilege_is_refused_once(code: int, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(missing_privilege_code=code)
    with pytest.raises(FileMakerLoginError, match="fmrest") as raised:
        connect(username="without_fmrest").found_count(CONTACTS)
    assert raised.value.code == code
    assert simulator.control.state()["logins_refused"] == 1
