"""The data set of the comparison: that of the public clients, and layouts with something awkward in each."""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.simulator.clients.clinic import CLINIC, DOCUMENTS, EMPTY, FILES, PEOPLE, PEOPLE_COUNT, VISIT_COUNT

__all__ = ["DATA_SET", "DOCUMENTS", "EMPTY", "FILES", "PEOPLE", "PEOPLE_COUNT", "VISIT_COUNT"]

TWO_PAGES = "API_Two_Pages"
TWO_PAGES_COUNT = 200
AWKWARD = "API_Awkward"
SLASHED = "Names/Ärzte"
PHONE = "0412345678"
AMOUNT_TEXT = "2.675"  # no binary number is exactly this
BORN = date(1999, 12, 31)
OWN_RECORD_ID = "the solution's own"
# Each is an operator of FileMaker's finds somewhere, and the first word of none of the others.
LITERAL_TEXTS = (
    "one@example",
    "two*",
    "three#",
    "four?",
    'five "5"',
    "six\\6",
    "seven~",
    "eight//8",
    "nine...9",
    "ten",
)


def _layout(name: str, fields: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "layout": name,
        "table": name,
        "fields": [{"name": field, "result": result} for field, result in fields.items()],
        "records": [{"recordId": str(number), "fieldData": row} for number, row in enumerate(rows, start=1)],
    }


AWKWARD_FIELDS = {"text": "text", "phone": "text", "amount": "number", "born": "date", "recordId": "text"}
AWKWARD_ROW = {"phone": PHONE, "amount": float(AMOUNT_TEXT), "born": f"{BORN:%m/%d/%Y}", "recordId": OWN_RECORD_ID}

DATA_SET: dict[str, Any] = {
    **CLINIC,
    "layouts": [
        *CLINIC["layouts"],
        _layout(TWO_PAGES, {"id": "text"}, [{"id": f"T{number:04d}"} for number in range(TWO_PAGES_COUNT)]),
        _layout(AWKWARD, AWKWARD_FIELDS, [{"text": text, **AWKWARD_ROW} for text in LITERAL_TEXTS]),
        _layout(SLASHED, {"id": "text"}, [{"id": "A"}]),
    ],
}
