"""A running simulator with small layouts of every awkward kind, and clients that leave no session behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nexus_import.filemaker.client import FileMakerClient

from local.simulator import Simulator

USER = "nexus_import"
PASSWORD = "pass:wörd/with?signs"
CONTACTS = "API_Contacts"
CONTACT_COUNT = 25
EMPTY = "API_Empty"
KEYED = "API_Keyed"
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


DATA_SET = {
    "database": "Clinic",
    "user": USER,
    "password": PASSWORD,
    "layouts": [
        _layout(CONTACTS, {"id": "text", "nameLast": "text", "DOB": "date", "n": "number"}, _contacts()),
        _layout(EMPTY, {"id": "text"}, []),
        _layout(KEYED, {"id": "text", "note": "text"}, []),
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
