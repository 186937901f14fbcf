"""A small database with everything in it that surprises clients of real ones: `--example`, or `EXAMPLE` in a test."""

from __future__ import annotations

from typing import Any, Final

_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd"
    "8db00000000049454e44ae426082"
)
_LINES: Final = 60  # a portal shows 50 rows unless it is asked for more


def _text_id(number: int) -> str:
    return f"{number:08X}-0000-4000-8000-000000000000"


_PEOPLE: Final[list[dict[str, Any]]] = [
    {"name": "Zoë Müller", "born": "02/29/1980", "height": 172.5, "note": "first line\rsecond line"},
    {"name": "O'Brien, Ann", "born": "12/31/2024", "height": "about 150", "note": "text in a number field"},
    {"name": "李小龙", "born": "31/31/2024", "height": 0, "note": "an impossible date"},
    {"name": "Nul\x00 Byte", "born": "", "height": "", "note": "a character that PostgreSQL refuses"},
    {"name": 'Quote "Tab\t', "born": "01/01/1900", "height": -1, "note": "😀 outside the basic plane"},
]


def _person(number: int, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "recordId": str(3 * number),  # gaps: deleted records
        "modId": str(number),
        "fieldData": {
            "id": _text_id(number),
            **fields,
            "phone": [f"+61 400 000 00{number}", "", "ask first"][:number],
            "photo": {"bytes": _PIXEL, "name": "photo.png"} if number < 3 else "",
            "scan": {"bytes": b"%PDF-1.4\n", "name": "scan.pdf", "external": True} if number == 1 else "",
            "clinic_OWNER::name": "Newcastle" if number % 2 else "",
        },
        "portalData": {"Visits": [_visit(row) for row in range(1, (_LINES if number == 1 else number - 1) + 1)]},
    }


def _visit(row: int) -> dict[str, Any]:
    return {"recordId": str(row), "modId": "0", "visit_LINE::on": f"03/{row % 28 + 1:02}/2025", "visit_LINE::fee": row}


EXAMPLE: Final[dict[str, Any]] = {
    "database": "Example",
    "user": "api",
    "password": "colon:and?sign",
    "dateFormat": "dd/MM/yyyy",
    "accounts": [
        {"user": "reader", "password": "reader", "readOnly": True},
        {"user": "no_api", "password": "no_api", "fmrest": False},
    ],
    "fmidTokens": ["example-claris-id-token"],
    "oauth": [{"requestId": "example-request", "identifier": "example-identifier"}],
    "scripts": {"Nightly": {"result": "done"}, "Broken": {"result": "", "error": "101"}},
    "scriptTree": [
        {"name": "Jobs", "isFolder": True, "folderScriptNames": [{"name": "Nightly", "isFolder": False}]},
        {"name": "Broken", "isFolder": False},
    ],
    "layoutTree": [
        {"name": "People"},
        {"name": "Other", "isFolder": True, "folderLayoutNames": [{"name": "Names/Größe §"}, {"name": "Empty"}]},
    ],
    "layouts": [
        {
            "layout": "People",
            "table": "person_TO",
            "tableView": True,
            "fields": [
                {"name": "id", "autoEnter": True, "notEmpty": True, "validation": {"unique": True}},
                {"name": "name", "maxCharacters": 100},
                {"name": "born", "result": "date", "displayType": "calendar", "fourDigitYear": True},
                {"name": "height", "result": "number"},
                {"name": "note"},
                {"name": "phone", "maxRepeat": 3},
                {"name": "photo", "result": "container"},
                {"name": "scan", "result": "container"},
                {"name": "clinic_OWNER::name", "displayType": "popupMenu", "valueList": "Clinics"},
            ],
            "valueLists": [
                {
                    "name": "Clinics",
                    "values": [
                        {"displayValue": "Newcastle (main)", "value": "Newcastle"},
                        {"displayValue": None, "value": "Maitland"},
                        {"value": "Dubbo"},
                    ],
                },
                {"name": "Fees", "fromPortal": "visit_LINE::fee"},
            ],
            "portals": [
                {
                    "name": "Visits",
                    "table": "visit_LINE",
                    "fields": [
                        {"name": "visit_LINE::on", "result": "date"},
                        {"name": "visit_LINE::fee", "result": "number"},
                    ],
                }
            ],
            "records": [_person(number, fields) for number, fields in enumerate(_PEOPLE, start=1)],
        },
        {
            "layout": "Names/Größe §",
            "table": "person_TO",
            "fields": [{"name": "name"}, {"name": "height", "result": "number"}],
        },
        {"layout": "Empty", "table": "nothing_TO", "fields": [{"name": "id"}], "records": []},
    ],
}
