"""Data sets from files: JSON and CSV, one directory or several, and what is said when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.simulator.data.dataset import DataSet, DataSetError
from tests.simulator.tiny_clinic import PASSWORD, USER
from tests.simulator.worlds import field_data, layout, serving, world

DATABASE = {"database": "Clinic", "user": USER, "password": PASSWORD}


def write(directory: Path, **files: str | bytes | dict[str, Any] | list[Any]) -> Path:
    """Write files; `__` in a name is a dot."""
    directory.mkdir(exist_ok=True)
    for name, content in {"database__json": DATABASE, **files}.items():
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path = directory / name.replace("__", ".")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return directory


def test_a_csv_is_text_unless_it_is_described(tmp_path: Path) -> None:
    write(tmp_path, People__csv='id,name,age\n1,"Müller, Ann",045\n2,"two\nlines",\n')
    with serving(tmp_path) as (_, client):
        answer = client.records("People")
        assert field_data(answer) == [
            {"id": "1", "name": "Müller, Ann", "age": "045"},
            {"id": "2", "name": "two\rlines", "age": ""},
        ]
        assert [(record["recordId"], record["modId"]) for record in answer.json()["response"]["data"]] == [
            ("1", "0"),
            ("2", "0"),
        ]
        types = client.call("GET", "layouts/People").json()["response"]["fieldMetaData"]
        assert [(field["name"], field["result"]) for field in types] == [
            ("id", "text"),
            ("name", "text"),
            ("age", "text"),
        ]


def test_types_beside_a_csv(tmp_path: Path) -> None:
    write(
        tmp_path,
        People__csv="id,age,born,note\r\nA,45,02/29/1980,a\x0bb\r\nB,-1.50,,\r\nC,about 12,x,\r\nD,٣,,\r\n",
        People__fields__json={"age": "number", "born": "date"},
    )
    with serving(tmp_path) as (_, client):
        assert field_data(client.records("People", dateformats="2")) == [
            {"age": 45, "born": "1980-02-29", "id": "A", "note": "a\rb"},
            {"age": -1.5, "born": "", "id": "B", "note": ""},
            {"age": "about 12", "born": "x", "id": "C", "note": ""},
            {"age": "٣", "born": "", "id": "D", "note": ""},
        ]
        assert [fields["id"] for fields in field_data(client.find({"age": ">0"}, layout="People"))] == ["A", "C"]


def test_a_whole_description_beside_a_csv(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "a.png").write_bytes(b"\x89PNG")
    write(
        tmp_path,
        **{"Names%2FAll__csv": "rid,m,id,face\n70,3,A,faces/a.png\n9,0,B,\n"},
        **{
            "Names%2FAll__fields__json": {
                "table": "person_TO",
                "recordId": "rid",
                "modId": "m",
                "fields": [{"name": "id", "notEmpty": True}, {"name": "face", "result": "container"}],
            }
        },
    )
    with serving(tmp_path) as (_, client):
        answer = client.records("Names/All")
        assert [(record["recordId"], record["modId"]) for record in answer.json()["response"]["data"]] == [
            ("70", "3"),
            ("9", "0"),
        ]
        first, second = field_data(answer)
        assert list(first) == ["id", "face"]
        assert "/Streaming_SSL/MainDB/" in first["face"]
        assert second["face"] == ""
        assert answer.json()["response"]["dataInfo"]["table"] == "person_TO"


def test_a_byte_order_mark_and_a_mixture_of_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        Csv__csv=b"\xef\xbb\xbfid\nA\n",
        Json__json=layout("Json", {"id": "text"}, [{"id": "B"}]),
        Part__json={"table": "Json_TO", "fields": [{"name": "id"}]},
    )
    with serving(tmp_path) as (_, client):
        assert field_data(client.records("Csv")) == [{"id": "A"}]
        assert field_data(client.records("Part")) == [{"id": "B"}]


def test_a_directory_of_databases(tmp_path: Path) -> None:
    write(tmp_path / "b", People__csv="id\nA\n")
    write(tmp_path / "c", database__json={**DATABASE, "database": "Archive"}, Old__csv="id\n")
    data_sets = DataSet.read_all(tmp_path)
    assert [(data_set.database, list(data_set.layouts)) for data_set in data_sets] == [
        ("Clinic", ["People"]),
        ("Archive", ["Old"]),
    ]
    with serving(tmp_path) as (simulator, _):
        assert simulator.control.state()["other_records"] == {"Archive": {"Old": 0}}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"People__csv": ""}, "People.csv: the first row must name every column"),
        ({"People__csv": "id,id\n"}, "People.csv: the first row must name every column"),
        ({"People__csv": "id,name\nA\n"}, "People.csv: line 2 has 1 values for 2 columns"),
        ({"People__csv": 'id\n"A'}, "People.csv: Error: unexpected end of data"),
        ({"People__csv": b"id\n\xff\n"}, "People.csv: UnicodeDecodeError"),
        ({"People__csv": "id\n", "People__fields__json": {"age": "number"}}, "People.csv: there is no column 'age'"),
        ({"People__csv": "id\n", "People__fields__json": {"id": "blob"}}, "unknown result type 'blob'"),
        ({"People__csv": "id\n", "People__fields__json": {"fields": [], "recordId": "r"}}, "there is no column 'r'"),
        ({"People__csv": "id\n", "People__fields__json": {"fields": [1]}}, "People.fields.json: a field has no 'name'"),
        (
            {"People__csv": "id\n", "People__fields__json": {"fields": [], "records": []}},
            "People.fields.json: the records stand in People.csv",
        ),
        ({"People__fields__json": {"id": "text"}}, "People.fields.json: there is no People.csv beside it"),
        (
            {"People__csv": "r\n1\n1\n", "People__fields__json": {"fields": [], "recordId": "r"}},
            "record 2: record id 1 stands twice",
        ),
        (
            {"People__csv": "id\n", "People__json": layout("People", {"id": "text"}, [])},
            "layout People: described twice",
        ),
        ({"database__json": {**DATABASE, "dateFormat": "yyyy"}}, "the date format 'yyyy' must have"),
        ({"database__json": {"database": "Clinic", "user": USER}}, "has no 'password'"),
        ({"database__json": {**DATABASE, "accounts": [{"user": "x"}]}}, "has no 'password'"),
        ({"People__json": '{"fields": [{"name": "n", "result": "number"}], "records": [NaN]}'}, "NaN is not JSON"),
        ({"People__json": "[" * 100_000}, "People.json: RecursionError"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, files: dict[str, Any], message: str) -> None:
    with pytest.raises(DataSetError) as raised:
        DataSet.read(write(tmp_path, **files))
    assert message in str(raised.value)


def described(**changes: Any) -> dict[str, Any]:
    """Describe a layout with one record, changed."""
    usual = layout("People", {"id": "text", "age": "number"}, [{"id": "A", "age": 1}])
    return world({**usual, **changes})


def one_record(**changes: Any) -> dict[str, Any]:
    return described(records=[{"recordId": "1", "fieldData": {"id": "A"}, **changes}])


RECORD = {"recordId": "1", "fieldData": {"id": "A"}}
PORTAL = {"name": "Lines", "table": "line_TO", "fields": [{"name": "line_TO::fee"}]}


def one_row(**changes: Any) -> dict[str, Any]:
    rows = {"Lines": [{"recordId": "1", "line_TO::fee": 1, **changes}]}
    return described(portals=[PORTAL], records=[{**RECORD, "portalData": rows}])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (one_record(fieldData={"id": "A", "agee": 1}), "record 1: field agee is not among the layout's fields"),
        (one_record(fieldData={"id": None, "age": 1}), "record 1: field id holds NoneType"),
        (one_record(fieldData={"id": "A", "age": True}), "record 1: field age holds bool"),
        (one_record(fieldData={"id": ["A", "B"]}), "record 1: field id holds list"),
        (one_record(fieldData={"id": "A", "age": float("nan")}), "record 1: field age holds a number without a value"),
        (one_record(fieldData={"age": float("inf")}), "record 1: field age holds a number without a value"),
        (one_record(fieldData=[]), "record 1: 'fieldData' must be an object"),
        (one_record(modId="x"), "record 1: the modId 'x' is no whole number"),
        (one_record(portalData={"Lines": []}), "table People_TO: record 1 has rows of no portal 'Lines'"),
        (described(records={}), "layout People: 'records' must be a list of objects"),
        (described(records=[{**RECORD, "portalData": []}]), "record 1: 'portalData' must be an object"),
        (described(records=[1]), "layout People: record 1 is no object"),
        (described(fields=["id"]), "layout People: 'fields', 1 must be an object"),
        (described(fields=[{"result": "text"}]), "layout People: 'fields', 1 has no 'name'"),
        (described(fields=[{"name": "id"}, {"name": "id"}]), "layout People: field id stands twice"),
        (described(fields=[{"name": "id", "maxRepeat": 0}]), "field id has repetitions 1 to 0 of 0"),
        (described(fields=[{"name": "id", "maxRepeat": 2, "repetitionEnd": 3}]), "has repetitions 1 to 3 of 2"),
        (described(portals=[{"name": "Lines"}]), "layout People: 'portals', 1 has no 'table'"),
        (
            described(
                portals=[PORTAL],
                records=[{"recordId": "1", "fieldData": {"id": "A"}, "portalData": {"Lines": [{"line_TO::fee": 1}]}}],
            ),
            "record 1: a row of portal Lines has no recordId",
        ),
        (
            described(
                fields=[{"name": "id", "maxRepeat": 2}],
                records=[{"recordId": "1", "fieldData": {"id": ["A", "B", "C"]}}],
            ),
            "record 1: field id has 3 values for 2 repetitions",
        ),
        (world({"fields": []}), "a layout has no 'layout'"),
        (
            world({"layout": "People", "table": "Persons", "fields": [{"name": "id"}]}),
            "layout People has no records, and no other layout brings those of its table Persons",
        ),
        (described(recrods=[]), "layout People has the unknown key 'recrods'; known: layout, table, fields, records"),
        (described(tableView="yes"), "layout People: 'tableView' must be true or false"),
        (
            described(fields=[{"name": "id", "maxRepeat": 1_000_000}]),
            "field id has repetitions 1 to 1000000 of 1000000",
        ),
        (
            described(fields=[{"name": "id", "maxCharacters": "9"}]),
            "layout People: 'fields', 1: 'maxCharacters' must be a whole number",
        ),
        (
            described(valueLists=[{"name": "Ids", "fromField": "idd"}]),
            "layout People: value list Ids: there is no field 'idd'",
        ),
        (
            described(fields=[{"name": "id", "validation": {"valueList": "Kinds"}}], records=[]),
            "layout People: field id: there is no value list 'Kinds'",
        ),
        (
            described(
                fields=[{"name": "id"}, {"name": "age", "result": "number", "validation": {"range": [0, "old"]}}]
            ),
            "layout People: field age: the bound 'old' is no number",
        ),
        (one_row(**{"line_TO::feee": 1}), "record 1: field line_TO::feee is not among those of portal Lines"),
        (one_row(modId="1.5"), "record 1: portal Lines: the modId '1.5' is no whole number"),
        (one_row(**{"line_TO::fee": None}), "record 1: portal Lines: field line_TO::fee holds NoneType"),
        (one_record(recordId=None), "record 1: the recordId None is no number and no text"),
        ({**world(), "layouts": "People"}, "'layouts' must be a list, or an object by layout name"),
        (world(acounts=[]), "the data set has the unknown key 'acounts'; known: database, user, password"),
        (world(scripts={"Nightly": "done"}), "the data set: 'scripts', Nightly must be an object"),
        (world(layoutTree=[{"isFolder": True}]), "the data set: 'layoutTree', 1 has no 'name'"),
    ],
)
def test_a_description_that_cannot_be_is_named(data: dict[str, Any], message: str) -> None:
    with pytest.raises(DataSetError) as raised:
        DataSet.read(data)
    assert message in str(raised.value)
