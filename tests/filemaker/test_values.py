"""Values come back as they are in FileMaker: exact numbers, the text itself, dates in the form asked for."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nexus_import.filemaker.answers import read_answer
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.records import value_text

from local.simulator import Simulator

from .conftest import VALUES, Connect

AGAINST_SERVER = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def readings(simulator: Simulator, client: FileMakerClient, fields: dict[str, Any]) -> list[dict[str, object]]:
    """Store a record, and return its fields as every kind of request gives them."""
    record_id = simulator.control.insert_record(VALUES, {"time": "00:00:00"} | fields)
    try:
        pages = [client.get_records(VALUES), client.find(VALUES, [{"time": "*"}])]
        records = [client.record(VALUES, record_id), *(record for page in pages for record in page.records)]
    finally:
        simulator.control.delete_record(VALUES, record_id)
    assert [record.record_id for record in records] == [record_id] * 3
    return [record.fields for record in records]


@pytest.fixture
def client(connect: Connect) -> FileMakerClient:
    return connect()


@pytest.fixture
def iso_client(connect: Connect) -> FileMakerClient:
    return connect(date_format="iso")


@AGAINST_SERVER
@given(number=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
@example(number=12345678901234567890123456789012345678901234567890)
@example(number=0.1)
@example(number=1e300)
@example(number=-5e-324)
@example(number=1e22)
def test_numbers_are_exact_and_never_floats(number: float, simulator: Simulator, client: FileMakerClient) -> None:
    for fields in readings(simulator, client, {"number": number}):
        assert fields["number"] == Decimal(repr(number))
        assert type(fields["number"]) is (int if isinstance(number, int) else Decimal)


@AGAINST_SERVER
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example(text="a\rb\r\nc\n")
@example(text="\x00")
@example(text="a\x00b\x1f\x7f")
@example(text="🩺👩‍⚕️ e\u0301 \u202e")
@example(text="0412345678")
@example(text="1e5")
@example(text="true")
@example(text="null")
@example(text=" padded ")
@example(text='{"a": [1.5]}')
def test_text_is_never_taken_for_anything_else(text: str, simulator: Simulator, client: FileMakerClient) -> None:
    assert [fields["text"] for fields in readings(simulator, client, {"text": text})] == [text] * 3


@pytest.mark.parametrize("text", ["about 12", "1,5", "12.50 AUD", "-", "٣", "½", "１２"])
def test_text_in_a_number_field_stays_text(text: str, simulator: Simulator, client: FileMakerClient) -> None:
    assert [fields["number"] for fields in readings(simulator, client, {"number": text})] == [text] * 3


@AGAINST_SERVER
@given(moment=st.datetimes(min_value=datetime.datetime(1, 1, 1), max_value=datetime.datetime(4000, 12, 31)))
def test_dates_come_in_the_form_asked_for(
    moment: datetime.datetime, simulator: Simulator, client: FileMakerClient, iso_client: FileMakerClient
) -> None:
    us, iso = f"{moment.month:02}/{moment.day:02}/{moment.year:04}", moment.date().isoformat()
    time = f"{moment:%H:%M:%S}"
    stored = {"date": us, "time": time, "timestamp": f"{us} {time}"}
    for fields in readings(simulator, client, stored):
        assert {name: fields[name] for name in stored} == stored
    for fields in readings(simulator, iso_client, stored):
        assert (fields["date"], fields["time"]) == (iso, time)
        assert str(fields["timestamp"]).replace("T", " ") == f"{iso} {time}"


@pytest.mark.parametrize("time", ["25:00:00", "-01:30:00", "99999:59:59"])
def test_times_beyond_a_day_stay_as_they_are(
    time: str, simulator: Simulator, client: FileMakerClient, iso_client: FileMakerClient
) -> None:
    for reader in (client, iso_client):
        assert [fields["time"] for fields in readings(simulator, reader, {"time": time})] == [time] * 3


def test_empty_fields_are_empty_text(simulator: Simulator, client: FileMakerClient) -> None:
    for fields in readings(simulator, client, {}):
        assert fields == {"text": "", "number": "", "date": "", "time": "00:00:00", "timestamp": ""}


JSON_NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(text=JSON_NUMBERS)
@example(text="1E+400")
@example(text="-0.0")
@example(text="1" * 400)
def test_any_number_of_json_keeps_every_digit(text: str) -> None:
    body = b'{"response":{"n":' + text.encode() + b',"s":' + json.dumps(text).encode() + b'},"messages":[{"code":"0"}]}'
    response = read_answer(200, body).response
    assert not isinstance(response["n"], float)
    assert response["n"] == Decimal(text)
    assert response["s"] == text


@given(number=st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_is_written_in_full(number: Decimal) -> None:
    if abs(number.adjusted()) > 400:
        return
    assert "e" not in value_text(number).casefold()
    assert Decimal(value_text(number)) == number


def test_other_values_as_text_are_themselves() -> None:
    assert [value_text(value) for value in ("a b", 7, "")] == ["a b", "7", ""]
