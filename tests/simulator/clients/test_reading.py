"""Every public client reads the simulator as it reads a server."""

from __future__ import annotations

import pytest

from local.simulator import Simulator
from tests.simulator.clients.clinic import (
    DOCUMENTS,
    EMPTY,
    FIELD_RESULTS,
    PEOPLE,
    PEOPLE_COUNT,
    VISIT_COUNT,
    numbers,
    person,
)
from tests.simulator.clients.common import PortalWindow, PublicClient, Refused
from tests.simulator.clients.conftest import OpenClient

PAGE_RECORDS = 100  # what the server gives when a client names no limit
PORTAL_ROWS = 50
BY_ID_BACKWARDS = [{"fieldName": "id", "sortOrder": "descend"}]


def test_layouts_and_fields(client: PublicClient) -> None:
    assert client.layouts() == [PEOPLE, EMPTY, DOCUMENTS]
    assert client.field_results(PEOPLE) == FIELD_RESULTS


def test_the_first_page_is_a_hundred_records(client: PublicClient) -> None:
    rows = client.page(PEOPLE)
    assert numbers(rows) == list(range(1, PAGE_RECORDS + 1))
    assert rows[0].mod_id == "1"


def test_a_page_further_on(client: PublicClient) -> None:
    rows = client.page(PEOPLE, offset=PEOPLE_COUNT - 2, limit=5)
    assert numbers(rows) == [PEOPLE_COUNT - 2, PEOPLE_COUNT - 1, PEOPLE_COUNT]


def test_all_records_beyond_the_first_page(client: PublicClient, simulator: Simulator) -> None:
    assert numbers(client.everything(PEOPLE)) == list(range(1, PEOPLE_COUNT + 1))
    assert simulator.control.state()["requests"] == {PEOPLE: -(-PEOPLE_COUNT // PAGE_RECORDS)}


def test_a_record_deleted_between_pages_hides_another(client: PublicClient, simulator: Simulator) -> None:
    """What the pages of a server do to everybody who reads by offset: the rows behind the deleted one move up."""
    simulator.control.between_pages([{"layout": PEOPLE, "operation": "delete", "record_id": "101"}])
    read = numbers(client.everything(PEOPLE))
    assert read == [number for number in range(1, PEOPLE_COUNT + 1) if number != PAGE_RECORDS + 1]


def test_values_as_filemaker_has_them(client: PublicClient) -> None:
    row = client.record(PEOPLE, "105")
    weight = row.fields.pop("Weight")
    wanted = person(5)
    assert float(weight) == wanted.pop("Weight")
    assert row.fields == wanted
    assert client.record(PEOPLE, "109").fields["Weight"] == ""


def test_sorted_pages(client: PublicClient) -> None:
    rows = client.page(PEOPLE, sort=BY_ID_BACKWARDS, offset=2, limit=3)
    assert [row.fields["id"] for row in rows] == ["P0228", "P0227", "P0226"]


def test_finds_joined_by_and_and_or(client: PublicClient) -> None:
    both = client.find(PEOPLE, [{"Clinic": "New Lambton", "id": "<P0100"}])
    assert {row.fields["Clinic"] for row in both} == {"New Lambton"}
    either = client.find(PEOPLE, [{"id": "==P0007"}, {"id": "==P0014"}], sort=BY_ID_BACKWARDS)
    assert [row.fields["id"] for row in either] == ["P0014", "P0007"]
    assert 0 < len(both) < PEOPLE_COUNT


def test_omitted_records(client: PublicClient) -> None:
    rows = client.find(PEOPLE, [{"Clinic": "new"}, {"Clinic": "==Newcastle", "omit": "true"}])
    assert {row.fields["Clinic"] for row in rows} == {"New Lambton"}


def test_an_at_sign_in_a_criterion_is_escaped(client: PublicClient) -> None:
    assert numbers(client.find(PEOPLE, [{"Email": r"==person7\@example.com"}])) == [7]


@pytest.mark.parametrize(
    ("layout", "query", "code"),
    [
        ("API Nobody", [{"id": "*"}], "105"),
        (PEOPLE, [{"Shoe size": "*"}], "102"),
        (PEOPLE, [{"id": ""}], "400"),
        (PEOPLE, [{"DOB": "no date"}], "500"),
    ],
)
def test_a_find_that_cannot_be_made(
    layout: str, query: list[dict[str, str]], code: str, client: PublicClient, client_name: str
) -> None:
    with pytest.raises(Refused) as refused:
        client.find(layout, query)
    assert (refused.value.kind, refused.value.code) == (ERROR_OF[client_name], code)


ERROR_OF = {
    "python-fmrest": "FileMakerError",
    "fmdata": "FileMakerErrorException",
    "fm-data-api-client": "FileMakerError",
    "@proofgeist/fmdapi": "FileMakerError",
    "fms-api-client": "Object",
}

# davidhamann/python-fmrest#40 asks for what the others do; two of npm's have a switch for it.
NO_MATCH_IS_AN_ERROR = {"python-fmrest", "fm-data-api-client", "@proofgeist/fmdapi"}


def test_no_match(client: PublicClient, client_name: str) -> None:
    query = [{"Name": "nobody"}]
    if client_name not in NO_MATCH_IS_AN_ERROR:
        assert client.find(PEOPLE, query) == []
        return
    with pytest.raises(Refused) as refused:
        client.find(PEOPLE, query)
    assert (refused.value.kind, refused.value.code) == (ERROR_OF[client_name], "401")


@pytest.mark.parametrize("name", ["fm-data-api-client", "@proofgeist/fmdapi"])
def test_no_match_with_the_clients_own_switch(name: str, simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client(name, simulator)
    assert client.find(PEOPLE, [{"Name": "nobody"}], ignores_empty=True) == []
    client.log_out()
    assert simulator.control.state()["sessions_open"] == 0


# These send an offset with every page, and with one an empty layout answers 101 (davidhamann/python-fmrest#4, #85).
SENDS_AN_OFFSET = {"python-fmrest", "fmdata"}


def test_an_empty_layout(client: PublicClient, client_name: str) -> None:
    if client_name not in SENDS_AN_OFFSET:
        assert client.page(EMPTY) == []
        return
    with pytest.raises(Refused) as refused:
        client.page(EMPTY)
    assert (refused.value.kind, refused.value.code) == (ERROR_OF[client_name], "101")


def test_a_page_past_the_end(client: PublicClient, client_name: str) -> None:
    with pytest.raises(Refused) as refused:
        client.page(PEOPLE, offset=PEOPLE_COUNT + 1)
    assert (refused.value.kind, refused.value.code) == (ERROR_OF[client_name], "101")


def test_portals_are_cut_at_fifty_rows_unless_a_client_asks(client: PublicClient) -> None:
    (first,) = client.page(PEOPLE, limit=1)
    fees = [row["person_VISIT::fee"] for row in first.portals["Visits"]]
    assert fees == list(range(1, PORTAL_ROWS + 1))
    window = PortalWindow("Visits", offset=PORTAL_ROWS + 1, limit=PORTAL_ROWS)
    (rest,) = client.page(PEOPLE, limit=1, window=window)
    fees += [row["person_VISIT::fee"] for row in rest.portals["Visits"]]
    assert fees == list(range(1, VISIT_COUNT + 1))
    assert first.portals["Visits"][0]["recordId"] == "1001"


def test_counts_as_python_fmrest_hands_them_out(simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client("python-fmrest", simulator)
    found = client.server.get_records(limit=2, request_layout=PEOPLE)
    counts = {"totalRecordCount": PEOPLE_COUNT, "foundCount": PEOPLE_COUNT, "returnedCount": 2}
    assert found.info == {"database": simulator.database, "layout": PEOPLE, "table": "People", **counts}
    rows = {"portalObjectName": "Visits", "database": simulator.database, "table": "person_VISIT"}
    assert found[0]["portal_Visits"].info == {**rows, "foundCount": VISIT_COUNT, "returnedCount": PORTAL_ROWS}
    client.log_out()


def test_counts_as_fmdata_hands_them_out(simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client("fmdata", simulator)
    answer = client.client.get_records(PEOPLE, limit=2).response
    info = answer.data_info
    assert (info.total_record_count, info.found_count, info.returned_count) == (PEOPLE_COUNT, PEOPLE_COUNT, 2)
    (rows,) = answer.data[0].portal_data_info
    assert (rows.portal_object_name, rows.table) == ("Visits", "person_VISIT")
    assert (rows.found_count, rows.returned_count) == (VISIT_COUNT, PORTAL_ROWS)
    client.log_out()


# fmdata sends the parameter under another name; fms-api-client lets none of that kind through.
CAN_ASK_FOR_ISO_DATES = {"python-fmrest", "fm-data-api-client", "@proofgeist/fmdapi"}


def test_dates(client: PublicClient, client_name: str) -> None:
    (row,) = client.page(PEOPLE, limit=1)
    assert (row.fields["DOB"], row.fields["Seen"]) == ("02/02/1941", "03/02/2025 19:57:12")
    if client_name in CAN_ASK_FOR_ISO_DATES:
        (row,) = client.page(PEOPLE, limit=1, is_iso=True)
        assert row.fields["DOB"] == "1941-02-02"
        assert row.fields["Seen"].replace("T", " ") == "2025-03-02 19:57:12"
        assert row.fields["Arrives"] == "09:05:00"


def test_fmdata_asks_for_iso_dates_with_a_parameter_nobody_knows(simulator: Simulator, open_client: OpenClient) -> None:
    client = open_client("fmdata", simulator)
    with pytest.raises(Refused, match=r"960: .*Unknown parameter\(s\): date_formats"):
        client.page(PEOPLE, is_iso=True)
    client.log_out()
    assert simulator.control.state()["sessions_open"] == 0
