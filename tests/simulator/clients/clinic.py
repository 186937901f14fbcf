"""The data set that the public clients read and write."""

from __future__ import annotations

from typing import Any

DATABASE, USER, PASSWORD = "Clinic Files", "nexus_import", "s3cret:with colon"

PEOPLE = "API People"
EMPTY = "API_Empty"
DOCUMENTS = "API_Docs"
FILES = {"1": b"%PDF-1.7 synthetic", "2": bytes(range(256)) * 1200}
PEOPLE_COUNT = 230
VISIT_COUNT = 60
CLINICS = ("Newcastle", "New Lambton", "Maitland", "Charlestown", "")
FIELD_RESULTS = {
    "id": "text",
    "Name": "text",
    "Clinic": "text",
    "DOB": "date",
    "Seen": "timeStamp",
    "Arrives": "time",
    "Weight": "number",
    "Email": "text",
    "Notes": "text",
}


def person(number: int) -> dict[str, Any]:
    """Return the fields of the numbered person, from 1."""
    return {
        "id": f"P{number * 7 % PEOPLE_COUNT:04d}",  # not in the order of creation
        "Name": f"Synthetic Person {number}",
        "Clinic": CLINICS[number % len(CLINICS)],
        "DOB": f"{number % 12 + 1:02d}/{number % 28 + 1:02d}/{1940 + number % 60}",
        "Seen": f"03/{number % 28 + 1:02d}/2025 19:57:12",
        "Arrives": f"{8 + number % 9:02d}:05:00",
        "Weight": 70 + number / 4 if number % 9 else "",
        "Email": f"person{number}@example.com",
        "Notes": "first line\rsecond line, naïve café",
    }


def _visits(number: int) -> list[dict[str, Any]]:
    count = VISIT_COUNT if number == 1 else number % 3
    return [
        {
            "recordId": str(1000 * number + row),
            "modId": "0",
            "person_VISIT::on": "03/11/2025",
            "person_VISIT::fee": row,
        }
        for row in range(1, count + 1)
    ]


CLINIC: dict[str, Any] = {
    "database": DATABASE,
    "user": USER,
    "password": PASSWORD,
    "scripts": {"Nightly": {"result": "done", "error": "0"}, "Broken": {"result": "", "error": "101"}},
    "layouts": [
        {
            "layout": PEOPLE,
            "table": "People",
            "fields": [{"name": name, "result": result} for name, result in FIELD_RESULTS.items()],
            "portals": [
                {
                    "name": "Visits",
                    "table": "person_VISIT",
                    "fields": [
                        {"name": "person_VISIT::on", "result": "date"},
                        {"name": "person_VISIT::fee", "result": "number"},
                    ],
                }
            ],
            "records": [
                {
                    "recordId": str(100 + number),
                    "modId": str(number % 4),
                    "fieldData": person(number),
                    "portalData": {"Visits": _visits(number)},
                }
                for number in range(1, PEOPLE_COUNT + 1)
            ],
        },
        {"layout": EMPTY, "table": "Empty", "fields": [{"name": "id", "result": "text"}], "records": []},
        {
            "layout": DOCUMENTS,
            "table": "Docs",
            "fields": [{"name": "id", "result": "text"}, {"name": "file", "result": "container"}],
            "records": [
                {"recordId": "1", "fieldData": {"id": "D1", "file": {"bytes": FILES["1"], "name": "letter.pdf"}}},
                {"recordId": "2", "fieldData": {"id": "D2", "file": {"bytes": FILES["2"], "name": "scan.png"}}},
                {"recordId": "3", "fieldData": {"id": "D3", "file": ""}},
            ],
        },
    ],
}


def numbers(rows: list[Any]) -> list[int]:
    """Return the people of these rows by their number."""
    return [int(row.record_id) - 100 for row in rows]
