"""Every public client writes to the simulator as to a server."""

from __future__ import annotations

import pytest

from local.simulator import Simulator
from tests.simulator.clients.clinic import PEOPLE, PEOPLE_COUNT
from tests.simulator.clients.common import PublicClient, Refused

NEW_PERSON = {"id": "P9999", "Name": "Synthetic Newcomer", "DOB": "12/31/1999", "Weight": 71.5, "Arrives": "08:30:00"}


def people(simulator: Simulator) -> int:
    return int(simulator.control.state()["records"][PEOPLE])


def test_a_record_from_its_creation_to_its_end(client: PublicClient, simulator: Simulator) -> None:
    record_id = client.create(PEOPLE, NEW_PERSON)
    assert people(simulator) == PEOPLE_COUNT + 1
    created = client.record(PEOPLE, record_id)
    assert float(created.fields["Weight"]) == NEW_PERSON["Weight"]
    assert {name: created.fields[name] for name in ("id", "Name", "DOB")} == {
        "id": "P9999",
        "Name": "Synthetic Newcomer",
        "DOB": "12/31/1999",
    }
    assert (created.fields["Clinic"], created.mod_id) == ("", "0")

    client.edit(PEOPLE, record_id, {"Clinic": "Maitland", "Weight": ""})
    edited = client.record(PEOPLE, record_id)
    assert (edited.fields["Clinic"], edited.fields["Weight"], edited.mod_id) == ("Maitland", "", "1")
    assert [row.record_id for row in client.find(PEOPLE, [{"id": "==P9999"}])] == [record_id]

    client.delete(PEOPLE, record_id)
    assert people(simulator) == PEOPLE_COUNT
    for call in (client.record, client.delete):
        with pytest.raises(Refused) as refused:
            call(PEOPLE, record_id)
        assert refused.value.code == "101"


def test_an_edit_of_what_somebody_else_edited_meanwhile(client: PublicClient, simulator: Simulator) -> None:
    read = client.record(PEOPLE, "103")
    simulator.control.edit_record(PEOPLE, "103", {"Clinic": "Maitland"})
    with pytest.raises(Refused) as refused:
        client.edit(PEOPLE, "103", {"Clinic": "Newcastle"}, mod_id=read.mod_id)
    assert refused.value.code == "306"
    now = client.record(PEOPLE, "103")
    assert now.fields["Clinic"] == "Maitland"
    client.edit(PEOPLE, "103", {"Clinic": "Newcastle"}, mod_id=now.mod_id)
    assert client.record(PEOPLE, "103").fields["Clinic"] == "Newcastle"


@pytest.mark.parametrize(
    ("fields", "code"),
    [({"Shoe size": "43"}, "102"), ({"DOB": "31/12/1999"}, "500"), ({"Arrives": "noon"}, "501")],
)
def test_fields_that_cannot_be_written(
    fields: dict[str, str], code: str, client: PublicClient, simulator: Simulator
) -> None:
    with pytest.raises(Refused) as refused:
        client.create(PEOPLE, fields)
    assert refused.value.code == code
    assert people(simulator) == PEOPLE_COUNT


@pytest.mark.parametrize(("script", "outcome"), [("Nightly", ("0", "done")), ("Broken", ("101", ""))])
def test_scripts(script: str, outcome: tuple[str, str], client: PublicClient) -> None:
    assert client.run_script(PEOPLE, script, "all of it") == outcome


def test_a_script_that_is_not_there(client: PublicClient) -> None:
    with pytest.raises(Refused) as refused:
        client.run_script(PEOPLE, "Yearly", "none")
    assert refused.value.code == "104"
