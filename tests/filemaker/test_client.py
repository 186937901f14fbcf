from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError, FileMakerRequestError, FileMakerUnavailable
from nexus_import.filemaker.records import Sort

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, EMPTY, FOLDED, Connect


def test_records_have_ids_and_exact_numbers(connect: Connect) -> None:
    page = connect().get_records(CONTACTS, limit=1)
    assert (page.found_count, page.total_count) == (CONTACT_COUNT, CONTACT_COUNT)
    assert (page.records[0].record_id, page.records[0].mod_id) == ("1", "0")
    assert page.records[0].fields == {
        "id": "0000-KEY",
        "nameLast": "Synthetic",
        "DOB": "11/03/1980",
        "n": Decimal("12.1"),
    }


@pytest.mark.parametrize(("date_format", "date"), [("us", "11/03/1980"), ("iso", "1980-11-03")])
def test_dates_come_in_the_format_asked_for(date_format: str, date: str, connect: Connect) -> None:
    client = connect(date_format=date_format)
    record_id = client.get_records(CONTACTS, limit=1).records[0].record_id
    assert client.get_records(CONTACTS, limit=1).records[0].fields["DOB"] == date
    assert client.find(CONTACTS, [{"id": "==0000-KEY"}]).records[0].fields["DOB"] == date
    assert client.record(CONTACTS, record_id).fields["DOB"] == date


def test_sort_offset_and_limit(connect: Connect) -> None:
    client = connect()
    descending = [Sort("id", "descend")]
    ids = [str(record.fields["id"])[:4] for record in client.get_records(CONTACTS, sort=descending, limit=3).records]
    assert ids == ["0024", "0023", "0022"]
    page = client.find(CONTACTS, [{"id": ">=0020-KEY"}], sort=[Sort("id")], offset=2, limit=2)
    assert [record.fields["id"] for record in page.records] == ["0021-KEY", "0022-KEY"]
    assert page.found_count == 5


def test_a_find_joins_by_or_and_leaves_out_what_is_omitted(connect: Connect) -> None:
    page = connect().find(
        CONTACTS,
        [{"id": "==0001-KEY"}, {"id": "==0002-KEY"}, {"id": "==0002-KEY", "omit": "true"}],
    )
    assert [record.fields["id"] for record in page.records] == ["0001-KEY"]


def test_nothing_found_is_an_empty_page(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    assert client.find(CONTACTS, [{"id": "==none"}]).records == ()
    assert client.find(CONTACTS, [{"id": "*"}], offset=1000).records == ()
    assert client.get_records(CONTACTS, offset=CONTACT_COUNT + 1).records == ()
    assert client.get_records(EMPTY).records == ()
    assert client.found_count(EMPTY) == 0
    simulator.control.set_faults(find_past_end_is_empty=True)
    assert client.find(CONTACTS, [{"id": "*"}], offset=1000).records == ()


def test_names_are_quoted_in_the_path(connect: Connect) -> None:
    client = connect()
    assert client.layout_fields(FOLDED)["Größe in cm"].result == "number"
    assert client.find(FOLDED, [{"Größe in cm": ">100"}]).records[0].fields["Größe in cm"] == 180


def test_a_missing_record_is_an_error_for_the_one_who_asks_for_it(connect: Connect) -> None:
    with pytest.raises(FileMakerRequestError, match="may have been deleted") as raised:
        connect().record(CONTACTS, "4711")
    assert raised.value.code == 101


@pytest.mark.parametrize(
    "fault",
    [
        {"unavailable_requests": 4},
        {"dropped_requests": 4},
        {"truncated_responses": 4},
        {"scripted_errors": [{"code": 301, "target": CONTACTS, "count": 4}]},
        {"scripted_errors": [{"code": 812, "target": CONTACTS, "count": 2}]},
        {"scripted_errors": [{"code": 956, "target": "login", "count": 2}]},
        {"scripted_errors": [{"code": 802, "target": CONTACTS, "count": 2, "status": 503}]},
    ],
    ids=str,
)
def test_passing_faults_are_retried(fault: dict[str, object], simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(**fault)
    client = connect()
    assert client.found_count(CONTACTS) == CONTACT_COUNT
    client.close()
    assert client.open_sessions == 0


def test_retries_end_and_are_logged_without_values(
    simulator: Simulator, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.control.set_faults(unavailable_requests=100)
    with pytest.raises(FileMakerUnavailable, match="Gave up after 3 attempts") as raised:
        connect(retry_attempts=3).find(CONTACTS, [{"nameLast": "Synthetic"}])
    assert raised.value.http_status == 502
    retries = [record.getMessage() for record in caplog.records if "no usable answer" in record.getMessage()]
    assert len(retries) == 2
    assert "attempt 2 of 3" in retries[0]
    assert "HTTP 502" in retries[0]
    assert "Synthetic" not in caplog.text + str(raised.value)


@pytest.mark.parametrize("code", [102, 104, 105, 200, 201, 212, 214, 306, 500, 504, 509, 953, 960])
def test_what_no_retry_can_mend_is_asked_once(code: int, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": code, "target": CONTACTS, "count": 100}])
    with pytest.raises(FileMakerRequestError) as raised:
        connect().record(CONTACTS, "1")
    assert raised.value.code == code
    assert simulator.control.state()["faults"]["scripted_errors"][0]["count"] == 99


def test_a_used_up_data_volume_is_said(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(data_cap=True)
    with pytest.raises(FileMakerRequestError, match="data volume"):
        connect().get_records(CONTACTS)


def test_a_token_of_another_spelling_of_the_database_says_so(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 952, "target": CONTACTS, "count": 100}])
    with pytest.raises(FileMakerUnavailable, match="upper and lower case"):
        connect(retry_attempts=2).found_count(CONTACTS)


@pytest.mark.parametrize(
    "options",
    [
        {"database": ""},
        {"username": ""},
        {"page_size": 0},
        {"sessions": 0},
        {"date_format": "au"},
        {"url": "fm"},
    ],
    ids=str,
)
def test_a_wrong_configuration_is_refused_before_any_request(
    options: dict[str, object], simulator: Simulator, connect: Connect
) -> None:
    with pytest.raises(ConfigurationError):
        connect(**options)
    assert simulator.control.state()["requests_total"] == 0


@pytest.mark.parametrize("window", [{"offset": 0}, {"limit": 0}, {"offset": -1, "limit": 5}], ids=str)
def test_windows_that_hold_nothing_are_refused(window: dict[str, Any], simulator: Simulator, connect: Connect) -> None:
    client = connect()
    with pytest.raises(ConfigurationError, match="counted from 1"):
        client.get_records(CONTACTS, **window)
    with pytest.raises(ConfigurationError, match="counted from 1"):
        client.find(CONTACTS, [{"id": "*"}], **window)
    assert simulator.control.state()["requests_total"] == 0


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_names_that_would_lead_elsewhere_are_refused(name: str, simulator: Simulator, connect: Connect) -> None:
    client = connect()
    for read in (lambda: client.found_count(name), lambda: client.layout(name), lambda: client.record(CONTACTS, name)):
        with pytest.raises(ConfigurationError, match="nothing was asked for"):
            read()
    assert simulator.control.state()["requests_total"] == 0
