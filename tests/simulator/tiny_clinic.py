"""A tiny clinic of this folder's own, and a client that speaks plain HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import requests

from local.simulator import Simulator

TIMEOUT_SECONDS = 20
USER, PASSWORD = "nexus_import", "s3cret:with colon"


def text_id(number: int) -> str:
    """Return the upper-case UUID text of the numbered record."""
    return f"{number:08X}-0000-4000-8000-000000000000"


CONTACTS: list[dict[str, Any]] = [
    {
        "id": text_id(1),
        "name": "Anna Müller",
        "clinic": "Newcastle",
        "DOB": "02/29/1980",
        "age": 45,
        "email": "anna@example.com",
    },
    {
        "id": text_id(2),
        "name": "ben O'Brien",
        "clinic": "New Lambton",
        "DOB": "12/31/2024",
        "age": 9,
        "email": "",
    },
    {
        "id": text_id(3),
        "name": "Carla Smith-Jones",
        "clinic": "Newcastle West",
        "DOB": "01/01/2024",
        "age": 65.5,
        "email": "carla at example",
    },
    {
        "id": text_id(4),
        "name": "Dr. Dan Smithers",
        "clinic": "Maitland",
        "DOB": "",
        "age": "",
        "email": "a\\b",
    },
    {
        "id": text_id(5),
        "name": "dan smith",
        "clinic": "newcastle",
        "DOB": "31/31/2024",
        "age": "about 12",
        "email": "50*",
    },
    {
        "id": text_id(6),
        "name": "Eve Ada Lovelace",
        "clinic": "",
        "DOB": "03/15/2024",
        "age": -3,
        "email": "line one\rline two",
    },
]

CLINIC: dict[str, Any] = {
    "database": "Clinic",
    "user": USER,
    "password": PASSWORD,
    "scripts": {"Nightly": {"result": "done", "error": "0"}, "Broken": {"result": "", "error": "101"}},
    "layoutTree": [
        {"name": "API_Contacts", "table": ""},
        {"name": "Old", "isFolder": True, "folderLayoutNames": [{"name": "Names/Ärzte", "table": ""}]},
    ],
    "layouts": [
        {
            "layout": "API_Contacts",
            "table": "Contacts",
            "fields": [
                {"name": "id", "result": "text"},
                {"name": "name", "result": "text"},
                {"name": "clinic", "result": "text", "valueList": "Clinics"},
                {"name": "DOB", "result": "date"},
                {"name": "age", "result": "number"},
                {"name": "email", "result": "text"},
            ],
            "valueLists": [{"name": "Clinics", "type": "customList", "values": [{"value": "Newcastle"}]}],
            "records": [
                {"recordId": str(10 + number), "modId": "0", "fieldData": fields}
                for number, fields in enumerate(CONTACTS, start=1)
            ],
        },
        {"layout": "Names/Ärzte", "table": "Contacts", "fields": [{"name": "name", "result": "text"}]},
        {
            "layout": "API_Visits",
            "table": "Visits",
            "tableView": True,
            "fields": [
                {"name": "id", "result": "number"},
                {"name": "at", "result": "time"},
                {"name": "seen", "result": "timeStamp"},
            ],
            "portals": [
                {
                    "name": "Lines",
                    "table": "visit_LINE",
                    "fields": [{"name": "visit_LINE::amount", "result": "number"}],
                },
                {"table": "visit_NOTE", "fields": [{"name": "visit_NOTE::on", "result": "date"}]},
            ],
            "records": [
                {
                    "recordId": "1",
                    "fieldData": {"id": 1, "at": "09:05:00", "seen": "03/11/2025 19:57:12"},
                    "portalData": {
                        "Lines": [
                            {"recordId": str(row), "modId": "0", "visit_LINE::amount": row} for row in range(1, 61)
                        ],
                        "visit_NOTE": [{"recordId": "9", "modId": "2", "visit_NOTE::on": "03/12/2025"}],
                    },
                },
                {"recordId": "2", "fieldData": {"id": 2, "at": "13:30:15", "seen": "12/31/2024 00:00:00"}},
                {"recordId": "3", "fieldData": {"id": 3, "at": "26:00:00", "seen": ""}},
                {"recordId": "4", "fieldData": {"id": 4, "at": "noon", "seen": "03/11/2025 08:00:00"}},
            ],
        },
        {
            "layout": "API_Empty",
            "table": "Empty",
            "fields": [{"name": "id", "result": "text"}],
            "records": [],
        },
    ],
}


class DataApiClient:
    """A bare client: one HTTP session, one token, nothing retried."""

    def __init__(self, simulator: Simulator, *, version: str = "vLatest") -> None:
        self.http = requests.Session()
        self.root = f"{simulator.url}/fmi/data/{version}"
        self.base = f"{self.root}/databases/{simulator.database}"
        self.token = ""

    def log_in(self, **options: Any) -> requests.Response:
        """Open a session in the plainest way unless the options say otherwise."""
        options = {"auth": (USER, PASSWORD), "json": {}, **options}
        answer = self.http.post(f"{self.base}/sessions", timeout=TIMEOUT_SECONDS, **options)
        self.token = answer.headers.get("X-FM-Data-Access-Token", "")
        return answer

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send a request below the database with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, f"{self.base}/{path}", headers=headers, timeout=TIMEOUT_SECONDS, **options)

    def records(self, layout: str = "API_Contacts", **query: Any) -> requests.Response:
        """Read records; lists and objects of the query are sent as JSON text."""
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        return self.call("GET", f"layouts/{quote(layout, safe='')}/records", params=texts)

    def find(self, *query: dict[str, Any], layout: str = "API_Contacts", **body: Any) -> requests.Response:
        """Find records."""
        return self.call("POST", f"layouts/{layout}/_find", json={"query": list(query), **body})


def outcome(answer: requests.Response) -> tuple[int, str]:
    """Return HTTP status and FileMaker code, after a look at the envelope that every answer has."""
    content = answer.json()
    assert set(content) == {"response", "messages"}
    (message,) = content["messages"]
    assert isinstance(message["code"], str)
    if message["code"] != "0":
        assert content["response"] == {}
    return answer.status_code, message["code"]


def numbers(answer: requests.Response) -> list[int]:
    """Return the found contacts by their number, in the order of the answer; none for code 401."""
    if outcome(answer) == (500, "401"):
        return []
    assert outcome(answer) == (200, "0")
    return [int(record["recordId"]) - 10 for record in answer.json()["response"]["data"]]
