from __future__ import annotations

import pytest
from nexus_import.errors import FileMakerRequestError
from nexus_import.filemaker.metadata import Asked, missing_fields, missing_portals, nearest, nearest_layout
from nexus_import.filemaker.records import FieldInfo, LayoutInfo, Portal, Sort

from local.simulator import Simulator

from .conftest import CONTACTS, EMPTY, FOLDED, KEYED, VISITS, Connect


def requests_total(simulator: Simulator) -> int:
    return int(simulator.control.state()["requests_total"])


def test_a_layout_has_fields_and_portals_apart(connect: Connect) -> None:
    layout = connect().layout(VISITS)
    assert layout == LayoutInfo(
        VISITS,
        {"id": FieldInfo("id", "text", 1)},
        {
            "Lines": {"visit_LINE::amount": FieldInfo("visit_LINE::amount", "number", 1)},
            "visit_NOTE": {"visit_NOTE::on": FieldInfo("visit_NOTE::on", "date", 1)},
        },
    )


def test_names_and_fields_are_those_of_the_database(connect: Connect) -> None:
    client = connect()
    assert client.product_info()["name"] == "FileMaker Data API Engine"
    assert client.databases() == ["Clinic"]
    assert {CONTACTS, EMPTY, KEYED, FOLDED} <= set(client.layouts())
    assert client.layout_fields(CONTACTS)["DOB"] == FieldInfo("DOB", "date", 1)


def test_a_layout_is_asked_for_once_until_it_is_forgotten(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layout_fields(CONTACTS)
    client.layout(VISITS)
    asked = requests_total(simulator)
    client.layout_fields(CONTACTS)
    client.layout(CONTACTS)
    client.layout(VISITS)
    assert requests_total(simulator) == asked
    client.forget_layouts(CONTACTS)
    client.layout(CONTACTS)
    client.layout(VISITS)
    assert requests_total(simulator) == asked + 1
    client.forget_layouts()
    client.layout(CONTACTS)
    client.layout(VISITS)
    assert requests_total(simulator) == asked + 3


def test_what_a_caller_does_with_the_fields_is_not_remembered(connect: Connect) -> None:
    client = connect()
    client.layout_fields(CONTACTS).clear()
    assert "id" in client.layout_fields(CONTACTS)


def test_a_missing_layout_is_not_remembered_as_such(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    simulator.control.set_faults(scripted_errors=[{"code": 105, "target": CONTACTS}])
    with pytest.raises(FileMakerRequestError, match="no layout"):
        client.layout(CONTACTS)
    assert "id" in client.layout(CONTACTS).fields


def test_a_missing_layout_names_the_nearest(connect: Connect) -> None:
    client = connect()
    for read in (client.layout_fields, client.found_count):
        with pytest.raises(FileMakerRequestError, match=r"no layout 'API_Contact' .*'API_Contacts'") as raised:
            read("API_Contact")
        assert raised.value.code == 105


def test_a_missing_field_is_named_with_the_place_where_it_stood(connect: Connect) -> None:
    client = connect()
    with pytest.raises(FileMakerRequestError) as raised:
        client.find(CONTACTS, [{"id": "*", "nameLst": "*"}], sort=[Sort("id")])
    assert raised.value.code == 102
    assert str(raised.value).endswith("Not on the layout: 'nameLst' of the find (nearest: 'nameLast').")
    with pytest.raises(FileMakerRequestError, match=r"'dob' of the sort \(nearest: 'DOB'\)"):
        client.get_records(CONTACTS, sort=[Sort("id"), Sort("dob")])
    with pytest.raises(FileMakerRequestError, match=r"'a' of the find \(.*\), 'b' of the sort \("):
        client.find(CONTACTS, [{"a": "*"}], sort=[Sort("b")])


def test_a_missing_field_of_a_portal_or_another_table_is_named(connect: Connect) -> None:
    client = connect()
    with pytest.raises(
        FileMakerRequestError, match=r"'visit_LINE::amount' of the sort \(only inside its portal 'Lines'"
    ):
        client.get_records(VISITS, sort=[Sort("visit_LINE::amount")])
    with pytest.raises(FileMakerRequestError, match=r"'LINE::amount' of the find \(nearest: 'visit_LINE::amount'\)"):
        client.find(VISITS, [{"LINE::amount": ">1"}])
    with pytest.raises(FileMakerRequestError, match=r"'amount' of the find \(nearest: 'visit_LINE::amount'\)"):
        client.find(VISITS, [{"amount": ">1"}])


def test_a_missing_portal_is_named(connect: Connect) -> None:
    with pytest.raises(
        FileMakerRequestError, match=r"no portal 'Line'; its portals: 'Lines', 'visit_NOTE'\."
    ) as raised:
        connect().get_records(VISITS, portals=[Portal("Line")])
    assert raised.value.code == 1708
    with pytest.raises(FileMakerRequestError, match=r"no portal 'Line'; its portals: none\."):
        connect().get_records(CONTACTS, portals=[Portal("Line")])


def test_the_hint_is_of_the_layout_as_it_is_now(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layout(CONTACTS)
    asked = requests_total(simulator)
    with pytest.raises(FileMakerRequestError, match="'x' of the find"):
        client.find(CONTACTS, [{"x": "*"}])
    assert requests_total(simulator) == asked + 2, "the find, and the layout again"


def test_a_hint_that_cannot_be_had_does_not_hide_the_error(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    simulator.control.set_faults(scripted_errors=[{"code": 102, "target": CONTACTS}, {"code": 200, "target": CONTACTS}])
    with pytest.raises(FileMakerRequestError) as raised:
        client.find(CONTACTS, [{"id": "*"}])
    assert raised.value.code == 102
    assert str(raised.value).endswith("(code 102).")


def layout_of(*names: str) -> LayoutInfo:
    return LayoutInfo("L", {name: FieldInfo(name, "text", 1) for name in names}, {})


def test_a_repetition_is_on_the_layout_when_its_field_is() -> None:
    assert "'fax(2)'" in missing_fields(Asked(["phone(2)", "fax(2)"]), layout_of("phone"))
    assert "'phone(2)'" not in missing_fields(Asked(["phone(2)", "fax(2)"]), layout_of("phone"))


def test_a_field_may_be_missing_behind_the_layout() -> None:
    assert "a calculation or a relation" in missing_fields(Asked(["id"]), layout_of("id"))


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("API_CONTACT", ["api_contacts", "API_CALLS"]) == "api_contacts"
    assert nearest("api_contact", ["API_CONTACTS", "api_calls"]) == "API_CONTACTS"
    assert nearest("Warehouse", ["Clinic"], likeness=0.6) == ""


def test_the_same_field_of_another_table_is_nearer_than_one_that_is_spelled_alike() -> None:
    layout = LayoutInfo("L", {"amounts": FieldInfo("amounts", "number", 1)}, {"P": {"t::amount": FieldInfo("", "", 1)}})
    assert "'amount' of the find (nearest: 't::amount')" in missing_fields(Asked(["amount"]), layout)


def test_hints_of_empty_places() -> None:
    assert missing_fields(Asked(["id"]), layout_of()) == "Not on the layout: 'id' of the find (it has no fields)."
    assert nearest_layout("L", []) == "It has no layout."
    assert missing_portals(Asked(portals=["P"]), LayoutInfo("L", {}, {"P": {}})) == ""
