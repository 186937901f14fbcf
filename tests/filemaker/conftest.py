"""A running simulator with small layouts of every awkward kind, and clients that leave no session behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.diagnosis import diagnose

from local.simulator import Simulator

from .diagnosing import Diagnose, is_one_sentence

USER = "nexus_import"
PASSWORD = "pass:wörd/with?signs"
CONTACTS = "API_Contacts"
CONTACT_COUNT = 25
EMPTY = "API_Empty"
KEYED = "API_Keyed"
VALUES = "API_Values"
VISITS = "API_Visits"
DOCUMENTS = "API_Docs"
FILES = {"1": b"%PDF-1.7 small", "2": bytes(range(256)) * 3000, "3": b"", "4": b"plain"}
LINE_COUNTS = {"1": 120, "2": 3, "3": 0}
FOLDED = "Fälle/2025 §"

Connect = Callable[..., FileMakerClient]


def _layout(name: str, fields: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "layout": name,
        "table": name.removeprefix("API_"),
        "fields": [{"name": field, "result": result} for field, result in fields.items()],
        "records": [
            {"recordId": str(number), "modId": "0", "fieldData": row} for number, row in enumerate(rows, start=1)
        ],
    }


def _contacts() -> list[dict[str, Any]]:
    # Keys in another order than creation, so that a walk by key and one by offset differ.
    return [
        {
            "id": f"{number * 7 % CONTACT_COUNT:04d}-KEY",
            "nameLast": "Synthetic",
            "DOB": "11/03/1980",
            "n": 12.10,
        }
        for number in range(CONTACT_COUNT)
    ]


def _visits() -> dict[str, Any]:
    """Visits with a portal that has an object name and one that has none; the first visit has more than 50 rows."""
    layout = _layout(VISITS, {"id": "text"}, [{"id": f"V{number}"} for number in LINE_COUNTS])
    layout["portals"] = [
        {"name": "Lines", "table": "visit_LINE", "fields": [{"name": "visit_LINE::amount", "result": "number"}]},
        {"table": "visit_NOTE", "fields": [{"name": "visit_NOTE::on", "result": "date"}]},
    ]
    for record in layout["records"]:
        count = LINE_COUNTS[record["recordId"]]
        record["portalData"] = {
            "Lines": [
                {"recordId": str(row), "modId": "0", "visit_LINE::amount": row / 4} for row in range(1, count + 1)
            ],
            "visit_NOTE": [{"recordId": "7", "modId": "1", "visit_NOTE::on": "12/31/2024"}],
        }
    return layout


def _documents() -> dict[str, Any]:
    """Documents with a file each, of every size; the fifth has none."""
    names = {"1": "small.pdf", "2": "large.jpg", "3": "empty.bin", "4": "no extension"}
    rows = [{"file": {"bytes": FILES[number], "name": names[number]}, "pages": 3} for number in FILES]
    layout = _layout(DOCUMENTS, {"file": "container", "pages": "number"}, [*rows, {"file": ""}])
    layout["fields"].append({"name": "scan", "result": "container", "maxRepeat": 2, "repetitionEnd": 2})
    layout["records"][0]["fieldData"]["scan"] = ["", {"bytes": b"second", "name": "second.png"}]
    return layout


DATA_SET: dict[str, Any] = {
    "database": "Clinic",
    "user": USER,
    "password": PASSWORD,
    "accounts": [
        {"user": "without_fmrest", "password": PASSWORD, "fmrest": False},
        {"user": "without_contacts", "password": PASSWORD, "deniedLayouts": [CONTACTS]},
    ],
    "layouts": [
        _layout(CONTACTS, {"id": "text", "nameLast": "text", "DOB": "date", "n": "number"}, _contacts()),
        _layout(EMPTY, {"id": "text"}, []),
        _layout(KEYED, {"id": "text", "note": "text"}, []),
        _layout(
            VALUES,
            {"text": "text", "number": "number", "date": "date", "time": "time", "timestamp": "timeStamp"},
            [],
        ),
        _visits(),
        _documents(),
        _layout(FOLDED, {"id": "text", "Größe in cm": "number"}, [{"id": "A", "Größe in cm": 180}]),
    ],
}


@pytest.fixture(scope="session")
def running_simulator() -> Iterator[Simulator]:
    with Simulator.from_dataset(DATA_SET) as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    running_simulator.control.reset()
    return running_simulator


@pytest.fixture
def connect(simulator: Simulator) -> Iterator[Connect]:
    """Open clients that retry without waiting; options override those of the client."""
    clients: list[FileMakerClient] = []

    def open_client(**options: Any) -> FileMakerClient:
        settings: dict[str, Any] = {
            "url": simulator.url,
            "database": "Clinic",
            "username": USER,
            "password": PASSWORD,
            "retry_wait_seconds": 0.001,
        }
        client = FileMakerClient(**(settings | options))
        clients.append(client)
        return client

    yield open_client
    simulator.control.clear_faults()
    for client in clients:
        client.close()


@pytest.fixture
def problem(connect: Connect) -> Diagnose:
    """Return a function that diagnoses a connection that must fail, and gives its sentence."""

    def find(layouts: tuple[str, ...] = (), **options: Any) -> str:
        with connect(retry_attempts=1, **options) as client:
            is_working, sentence = diagnose(client, layouts)
        assert not is_working
        assert is_one_sentence(sentence), sentence
        assert PASSWORD not in sentence
        return sentence

    return find
