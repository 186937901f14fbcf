from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError, FileMakerMovedError, FileMakerRequestError
from nexus_import.filemaker import queries
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.portals import PortalPage, all_rows, read_portal_page
from nexus_import.filemaker.records import Portal, PortalRow

from local.simulator import Simulator

from .conftest import LINE_COUNTS, PASSWORD, USER, VISITS, Connect


def amounts(rows: tuple[PortalRow, ...]) -> list[object]:
    return [row.fields["visit_LINE::amount"] for row in rows]


def quarters(first: int, last: int) -> list[Decimal]:
    return [Decimal(number) / 4 for number in range(first, last + 1)]


def test_portals_are_left_out_unless_named(connect: Connect) -> None:
    client = connect()
    assert client.get_records(VISITS).records[0].portals == {}
    assert client.find(VISITS, [{"id": "*"}]).records[0].portals == {}
    assert client.record(VISITS, "1").portals == {}


def test_every_row_comes_where_the_server_would_stop_after_fifty(connect: Connect) -> None:
    client = connect()
    portals = [Portal("Lines"), Portal("visit_NOTE")]
    by_page = client.get_records(VISITS, portals=portals).records
    found = client.find(VISITS, [{"id": "*"}], portals=portals).records
    single = [client.record(VISITS, record_id, portals=portals) for record_id in LINE_COUNTS]
    for records in (by_page, found, single):
        assert [amounts(record.portals["Lines"]) for record in records] == [
            quarters(1, count) for count in LINE_COUNTS.values()
        ]
        assert [record.portals["visit_NOTE"] for record in records] == [
            (PortalRow("7", "1", {"visit_NOTE::on": "12/31/2024"}),)
        ] * len(LINE_COUNTS)


@pytest.mark.parametrize("page_rows", [1, 7, 40, 119, 120, 121])
def test_rows_are_read_on_until_there_are_no_more(
    page_rows: int, simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PORTAL_PAGE_ROWS", page_rows)
    monkeypatch.setattr("nexus_import.filemaker.portals.PORTAL_PAGE_ROWS", page_rows)
    before = simulator.control.state()["requests_total"]
    record = connect().record(VISITS, "1", portals=[Portal("Lines")])
    assert amounts(record.portals["Lines"]) == quarters(1, 120)
    requests = simulator.control.state()["requests_total"] - before
    assert requests == 1 + -(-120 // page_rows), "the log-in and a request for each page of rows"


@pytest.mark.parametrize(
    ("portal", "first", "last"),
    [
        (Portal("Lines", limit=5), 1, 5),
        (Portal("Lines", offset=3, limit=2), 3, 4),
        (Portal("Lines", offset=100, limit=50), 100, 120),
        (Portal("Lines", offset=119), 119, 120),
        (Portal("Lines", offset=121), 121, 120),
        (Portal("Lines", offset=500, limit=3), 500, 120),
    ],
    ids=str,
)
def test_a_range_of_rows(portal: Portal, first: int, last: int, connect: Connect) -> None:
    client = connect()
    assert amounts(client.record(VISITS, "1", portals=[portal]).portals["Lines"]) == quarters(first, last)
    assert amounts(client.get_records(VISITS, portals=[portal]).records[0].portals["Lines"]) == quarters(first, last)
    found = client.find(VISITS, [{"id": "==V1"}], portals=[portal])
    assert amounts(found.records[0].portals["Lines"]) == quarters(first, last)


def test_values_of_rows_do_not_show_in_repr(connect: Connect) -> None:
    assert "0.25" not in repr(connect().record(VISITS, "1", portals=[Portal("Lines")]))
    assert "0.25" not in repr(PortalRow("1", "0", {"visit_LINE::amount": Decimal("0.25")}))


@pytest.mark.parametrize(
    "portals", [[Portal("Lines", offset=0)], [Portal("Lines", limit=0)], [Portal("Lines"), Portal("Lines", offset=9)]]
)
def test_ranges_that_mean_nothing_are_refused(portals: list[Portal], connect: Connect) -> None:
    client = connect()
    for read in (
        lambda: client.get_records(VISITS, portals=portals),
        lambda: client.record(VISITS, "1", portals=portals),
    ):
        with pytest.raises(ConfigurationError):
            read()


def test_two_portals_of_one_name_are_refused_by_a_server_too() -> None:
    portal = {"name": "Twin", "table": "t", "fields": [{"name": "t::a", "result": "text"}]}
    layout = {
        "layout": "L",
        "fields": [{"name": "id", "result": "text"}],
        "portals": [portal, portal],
        "records": [{"recordId": "1", "fieldData": {"id": "x"}, "portalData": {"Twin": []}}],
    }
    data_set = {"database": "D", "user": USER, "password": PASSWORD, "layouts": [layout]}
    with (
        Simulator.from_dataset(data_set) as server,
        FileMakerClient(server.url, "D", USER, PASSWORD) as client,
        pytest.raises(FileMakerRequestError, match="2 portals of the layout are called 'Twin'"),
    ):
        client.get_records("L", portals=[Portal("Twin")])


def item(infos: list[dict[str, Any]], **rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"portalData": rows, "portalDataInfo": infos}


def test_two_portals_of_one_name_are_refused_since_json_keeps_one() -> None:
    info = {"portalObjectName": "P", "table": "t", "foundCount": 1}
    with pytest.raises(FileMakerRequestError, match="2 portals of the layout are called 'P'"):
        read_portal_page(item([info, info], P=[{"recordId": "1"}]), "P", "x")


def test_a_portal_goes_by_its_object_name_alone() -> None:
    info = {"portalObjectName": "P", "table": "t", "foundCount": 0}
    assert read_portal_page(item([info, {"table": "P2", "foundCount": 3}], P=[]), "P", "x") == PortalPage((), 0)
    with pytest.raises(FileMakerRequestError, match=r"no portal 't'.*object name"):
        read_portal_page(item([info], P=[]), "t", "x")


def rows(*numbers: int) -> tuple[PortalRow, ...]:
    return tuple(PortalRow(str(number), "0", {}) for number in numbers)


def reader(*pages: PortalPage) -> tuple[list[Portal], Iterator[PortalPage]]:
    return [], iter(pages)


def test_a_portal_that_changes_while_it_is_read_is_read_again() -> None:
    asked, pages = reader(
        PortalPage(rows(3), 3),  # a row was removed: the second page tells another size
        PortalPage(rows(2, 3, 4), 3),
    )

    def read(portal: Portal) -> PortalPage:
        asked.append(portal)
        return next(pages)

    assert all_rows(Portal("P"), PortalPage(rows(1, 2), 4), read, "x") == rows(2, 3, 4)
    assert asked == [Portal("P", 3, 2), Portal("P")]


def test_a_row_that_comes_twice_is_no_whole_reading() -> None:
    asked, pages = reader(PortalPage(rows(2), 3), PortalPage(rows(1, 2, 3), 3))

    def read(portal: Portal) -> PortalPage:
        asked.append(portal)
        return next(pages)

    assert all_rows(Portal("P"), PortalPage(rows(1, 2), 3), read, "x") == rows(1, 2, 3)


def test_a_portal_that_never_stands_still_is_refused() -> None:
    sizes = iter(range(10, 100))

    def read(portal: Portal) -> PortalPage:
        return PortalPage(rows(portal.offset), next(sizes))

    with pytest.raises(FileMakerMovedError, match="Portal 'P' kept changing while it was read, at record 1"):
        all_rows(Portal("P"), PortalPage(rows(1), 9), read, "record 1")
