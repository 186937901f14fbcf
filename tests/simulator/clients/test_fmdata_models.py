"""fmdata by its models: typed fields, portals and finds in the words of an object mapper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import fmdata
import pytest
from fmdata import FMFieldType

from local.simulator import Simulator
from tests.simulator.clients.clinic import PEOPLE, PEOPLE_COUNT, VISIT_COUNT


class Visit(fmdata.PortalModel):
    class Meta:
        table_occurrence = "person_VISIT"

    on = fmdata.Date(field_name="person_VISIT::on", field_type=FMFieldType.Date)
    fee = fmdata.Integer(field_name="person_VISIT::fee", field_type=FMFieldType.Number)


@pytest.fixture
def person_model(simulator: Simulator, certificate: tuple[Path, Path]) -> Iterator[Any]:
    client = fmdata.Client(
        url=simulator.url,
        database=simulator.database,
        login_provider=fmdata.UsernamePasswordLogin(simulator.user, simulator.password),
        version="22",
        verify_ssl=str(certificate[0]),
    )
    meta = type("Meta", (), {"client": client, "layout": PEOPLE})

    class Person(fmdata.Model):
        Meta = meta
        key = fmdata.String(field_name="id", field_type=FMFieldType.Text)
        name = fmdata.String(field_name="Name", field_type=FMFieldType.Text)
        born = fmdata.Date(field_name="DOB", field_type=FMFieldType.Date)
        seen = fmdata.DateTime(field_name="Seen", field_type=FMFieldType.Timestamp)
        arrives = fmdata.Time(field_name="Arrives", field_type=FMFieldType.Time)
        weight = fmdata.Decimal(field_name="Weight", field_type=FMFieldType.Number)
        visits = fmdata.PortalField(model=Visit, name="Visits")

    yield Person
    client.logout()
    assert simulator.control.state()["sessions_open"] == 0


def test_typed_fields(person_model: Any) -> None:
    (person,) = person_model.objects.find(key__exact="P0035")
    assert (person.record_id, person.name) == ("105", "Synthetic Person 5")
    assert person.born == date(1945, 6, 6)
    assert person.seen == datetime(2025, 3, 6, 19, 57, 12)
    assert person.arrives == time(13, 5)
    assert person.weight == Decimal("71.25")


def test_all_records_in_chunks(person_model: Any, simulator: Simulator) -> None:
    people = list(person_model.objects.order_by("-key").chunking(100))
    assert [person.key for person in people] == [f"P{number:04d}" for number in reversed(range(PEOPLE_COUNT))]
    assert simulator.control.state()["requests"] == {PEOPLE: 3}


def test_all_rows_of_a_portal(person_model: Any) -> None:
    person = person_model.objects.get(record_id="101")
    assert [visit.fee for visit in person.visits.chunking(25)] == list(range(1, VISIT_COUNT + 1))


def test_a_record_from_its_creation_to_its_end(person_model: Any, simulator: Simulator) -> None:
    person = person_model.objects.create(key="P9999", name="Synthetic Newcomer", born=date(1999, 12, 31))
    assert simulator.control.state()["records"][PEOPLE] == PEOPLE_COUNT + 1
    person.name = "Synthetic Settler"
    person.save(check_mod_id=True)
    (found,) = person_model.objects.find(born__gte=date(1999, 12, 31), key__exact="P9999")
    assert found.name == "Synthetic Settler"
    person.delete()
    assert simulator.control.state()["records"][PEOPLE] == PEOPLE_COUNT


def test_a_save_of_what_somebody_else_changed_is_refused(person_model: Any, simulator: Simulator) -> None:
    (person,) = person_model.objects.find(key__exact="P0021")
    simulator.control.edit_record(PEOPLE, "103", {"Name": "Changed"})
    person.name = "Changed too"
    with pytest.raises(fmdata.FileMakerErrorException, match="306"):
        person.save(check_mod_id=True)
    assert person_model.objects.get(record_id="103").name == "Changed"


def test_a_record_read_by_its_id_has_no_mod_id_to_check(person_model: Any, simulator: Simulator) -> None:
    """A defect of this version: after `get` and `refresh_from_db` a checked save overwrites what others changed."""
    person = person_model.objects.get(record_id="103")
    assert person.mod_id is None
    simulator.control.edit_record(PEOPLE, "103", {"Name": "Changed"})
    person.name = "Changed too"
    person.save(check_mod_id=True)
    assert person_model.objects.get(record_id="103").name == "Changed too"
