"""The reference clinic over HTTP: the simulator serves its layouts, its odd declarations and its values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

import pytest
import requests

from local.clinic import REFERENCE_CLINIC, make_clinic
from local.simulator import Simulator
from tests.support.reference import Fields, ReferenceClinic

SECONDS = 10


class Served:
    """A clinic and the simulator that serves it, with an open session."""

    def __init__(self, clinic: ReferenceClinic, simulator: Simulator) -> None:
        self.clinic = clinic
        self._base = f"{simulator.url}/fmi/data/vLatest/databases/{simulator.database}"
        self._session = requests.Session()
        account = (simulator.user, simulator.password)
        answer = self._session.post(f"{self._base}/sessions", auth=account, json={}, timeout=SECONDS)
        token = answer.json()["response"]["token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **parameters: object) -> dict[str, Any]:
        answer = self._session.get(
            f"{self._base}/{path}", params={k: str(v) for k, v in parameters.items()}, timeout=SECONDS
        )
        answer.raise_for_status()
        return answer.json()["response"]

    def metadata(self, layout: str) -> dict[str, Fields]:
        described = self.get(f"layouts/{quote(layout, safe='')}")["fieldMetaData"]
        return {field["name"]: field for field in described}

    def records(self, layout: str) -> list[Fields]:
        path = f"layouts/{quote(layout, safe='')}/records"
        found: list[Fields] = []
        count = 1
        while len(found) < count:
            page = self.get(path, _offset=len(found) + 1, _limit=500)
            count = page["dataInfo"]["foundCount"]
            found += page["data"]
        return found

    def download(self, address: str) -> bytes:
        return requests.Session().get(address, timeout=SECONDS).content


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("reference")
    make_clinic(directory, REFERENCE_CLINIC, scale=0.02, seed=5, today=date(2026, 9, 1))
    with Simulator.from_dataset(directory / "filemaker") as simulator:
        yield Served(ReferenceClinic(directory), simulator)


def test_every_layout_is_listed(served: Served) -> None:
    listed = {layout["name"] for layout in served.get("layouts")["layouts"]}
    assert listed == set(served.clinic.layouts)
    assert {"@Letters", "API_event", "API_event_calendar", "API_ReferrerToCompany_Join"} <= listed


def test_fields_are_declared_as_the_installation_declares_them(served: Served) -> None:
    documents, images = served.metadata("API_Docs"), served.metadata("API_Images")
    assert documents["Type"]["result"] == "date"
    assert documents["NexusExportDate"]["result"] == "text"
    assert documents["Doc"]["result"] == "container"
    assert (images["recid"]["result"], images["recid"]["type"]) == ("number", "calculation")
    assert images["image_thumbnails"]["maxRepeat"] == 4
    assert images["ID.KEY"]["global"] is True
    assert "fileNane" in images
    details, events = served.metadata("API_Contact_Details"), served.metadata("API_event")
    assert (details["ph"]["result"], details["Email default"]["result"]) == ("number", "number")
    assert {"id.key", "address 1", "post code"} <= set(details)
    assert (events["endDate"]["result"], events["endDate"]["type"]) == ("date", "calculation")
    assert events["idCal"]["type"] == "calculation"
    assert events.keys().isdisjoint({"clinician", "status", "creationTimestamp", "modificationTimestamp"})
    assert {"Health Number", "Clinic_Name", "Funding"} <= set(served.metadata("API_Contacts"))
    assert "id" not in served.metadata("API_ContactToReferrer")


def test_every_record_arrives_as_it_is_on_disk(served: Served) -> None:
    for layout in served.clinic.layouts:
        arrived = {record["recordId"]: record["fieldData"] for record in served.records(layout)}
        source = "API_calendar" if layout == "API_event_calendar" else layout
        expected = served.clinic.records(source)
        assert arrived.keys() == expected.keys(), layout
        containers = {f["name"] for f in served.clinic.layouts[source]["fields"] if f["result"] == "container"}
        for record_id, fields in expected.items():
            plain = {name: value for name, value in fields.items() if name not in containers}
            assert plain.items() <= arrived[record_id].items(), (layout, record_id)


def test_values_that_surprise_a_client_arrive_too(served: Served) -> None:
    notes = [record["fieldData"]["Note"] for record in served.records("API_Notes")]
    assert any("\x00" in note for note in notes)
    assert any("\r" in note for note in notes)
    details = [record["fieldData"]["ph"] for record in served.records("API_Contact_Details")]
    assert {type(value) for value in details} == {str, int}
    assert any("@" in str(value) for value in details)
    assert "24:00:00" in {record["fieldData"]["startTime"] for record in served.records("API_event")}


def test_containers_hold_files_or_nothing(served: Served) -> None:
    values = [record["fieldData"]["Doc"] for record in served.records("API_Docs")]
    address = next(filter(None, values))
    assert "" in values
    assert served.download(address).startswith((b"%PDF", b"\xff\xd8", b"\x89PNG"))
