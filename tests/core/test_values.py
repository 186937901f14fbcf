"""Normalisers: what each reads, what it refuses, and properties that hold for every value."""

from __future__ import annotations

import re
import sys
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_import.core import values
from nexus_import.core.values import UnreadableValue

SYDNEY = ZoneInfo("Australia/Sydney")
KEY = "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"
HOUR = timedelta(hours=1)
DAYS = st.dates(min_value=date(1850, 1, 1), max_value=date(2199, 12, 31))


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("", None),
        (None, None),
        ("  \r ", None),
        ("one\rtwo\r\nthree\nfour", "one\ntwo\nthree\nfour"),
        ("a\x00b", "ab"),
        ("\x00", None),
        ("  padded  ", "padded"),
        (12, "12"),
        ("0412 345 678", "0412 345 678"),
        ("one\x0btwo\x0cthree", "one\ntwo\nthree"),  # FileMaker's line break inside a paragraph
        ("tab\there\x1f\x7f", "tab\there"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.50"), "0.50"),
        (1e21, "1000000000000000000000"),
        ("<b>bold</b> & 'quoted'; DROP TABLE patients", "<b>bold</b> & 'quoted'; DROP TABLE patients"),
        ("\u202eעברית 👩‍⚕️", "\u202eעברית 👩‍⚕️"),
    ],
)
def test_text_is_kept_apart_from_line_ends_blanks_and_nul(raw: object, read: str | None) -> None:
    assert values.read_text(raw) == read


@given(st.text())
def test_text_once_read_is_storable_and_reads_the_same(text: str) -> None:
    read = values.read_text(text)
    assert read is None or not re.search("[\x00-\x08\x0b-\x1f\x7f]", read)
    assert values.read_text(read) == read


def test_text_that_is_read_quickly_reads_as_it_would_slowly() -> None:
    """Every character beside others and at the end."""

    class Slow(str):
        pass

    def read(text: str) -> str | None:
        try:
            return values.read_text(text)
        except values.UnreadableValue as error:
            return error.rule

    for number in range(sys.maxunicode + 1):
        text = f"a{chr(number)}b{chr(number)}"
        assert read(text) == read(Slow(text)), hex(number)


def test_text_with_half_a_character_is_refused() -> None:
    with pytest.raises(UnreadableValue, match="half of a character"):
        values.read_text("broken \ud83d emoji")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("03/04/2021", date(2021, 3, 4)),  # the fourth of March: months come first
        ("3/4/2021", date(2021, 3, 4)),
        ("2021-03-04", date(2021, 3, 4)),
        ("02/29/2024", date(2024, 2, 29)),
        ("03/04/2021 00:00:00", date(2021, 3, 4)),
        ("2021-03-04T00:00:00", date(2021, 3, 4)),
        ("", None),
    ],
)
def test_date_is_read_with_the_month_first(raw: object, read: date | None) -> None:
    assert values.read_date(raw) == read


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("31/12/2021", "not a day of the calendar"),
        ("02/29/2023", "not a day of the calendar"),
        ("00/00/0000", "not a day of the calendar"),
        ("4.3.2021", "not a date in the form"),
        ("03/04/21", "a year of two digits"),
        ("1/13/24", "a year of two digits"),
        ("31/02/2024", "not a day of the calendar"),
        ("03/04/0021", "outside the years 1850 to 2199"),
        ("03/04/3021", "outside the years 1850 to 2199"),
        ("03/04/2021 09:30:00", "a time of day, which a date cannot hold"),
        ("٠٣/٠٤/٢٠٢١", "not a date in the form"),
        ("2021-3-4", "not a date in the form"),
        ("Tuesday", "not a date in the form"),
    ],
)
def test_date_in_another_form_is_refused_and_never_guessed(raw: str, rule: str) -> None:
    with pytest.raises(UnreadableValue, match=rule) as caught:
        values.read_date(raw)
    assert raw not in caught.value.rule


@given(DAYS)
def test_date_reads_what_filemaker_writes_whatever_the_day(day: date) -> None:
    assert values.read_date(f"{day:%m/%d/%Y}") == day
    assert values.read_date(day.isoformat()) == day


@pytest.mark.parametrize(("form", "other"), [("us", "2021-03-04"), ("iso", "03/04/2021")])
def test_date_of_a_declared_form_is_read_in_no_other(form: Any, other: str) -> None:
    written = {"us": "03/04/2021", "iso": "2021-03-04"}[form]
    assert values.read_date(written, form) == date(2021, 3, 4)
    assert values.read_wall_time(written, "", SYDNEY, form) == datetime(2021, 3, 3, 13, tzinfo=UTC)
    with pytest.raises(UnreadableValue, match="not a date in the form"):
        values.read_date(other, form)


@given(DAYS)
def test_date_is_never_read_day_first(day: date) -> None:
    day_first = f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
    if day.day > 12:
        with pytest.raises(UnreadableValue):
            values.read_date(day_first)
    else:
        assert values.read_date(day_first) == date(day.year, day.day, day.month)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("", None),
        ("09:30", timedelta(hours=9, minutes=30)),
        ("09:30:15", timedelta(hours=9, minutes=30, seconds=15)),
        ("09:30:15.250", timedelta(hours=9, minutes=30, seconds=15, milliseconds=250)),
        ("9:30 AM", timedelta(hours=9, minutes=30)),
        ("09:30:00 p.m.", timedelta(hours=21, minutes=30)),
        ("12:00 AM", timedelta()),
        ("12:15:00 PM", timedelta(hours=12, minutes=15)),
        ("1 day, 0:00:00", timedelta(hours=24)),
        ("00:00:00", timedelta()),
        ("24:00:00", timedelta(hours=24)),
    ],
)
def test_time_is_a_distance_from_midnight(raw: str, read: timedelta | None) -> None:
    assert values.read_time(raw) == read


@pytest.mark.parametrize(
    "raw",
    [
        "24:00:01",
        "25:00:00",
        "09:60:00",
        "09:30:60",
        "9 am",
        "1 day, 0:00:01",
        "2 days, 0:00:00",
        "-1:00:00",
        "13:00 PM",
        "0:30 AM",
    ],
)
def test_time_that_no_clock_shows_is_refused(raw: str) -> None:
    with pytest.raises(UnreadableValue, match="not a time"):
        values.read_time(raw)


@pytest.mark.parametrize(
    ("day", "clock", "instant"),
    [
        ("07/01/2024", "09:00:00", datetime(2024, 6, 30, 23, tzinfo=UTC)),  # winter: +10
        ("01/15/2024", "09:00:00", datetime(2024, 1, 14, 22, tzinfo=UTC)),  # summer: +11
        ("01/15/2024", "", datetime(2024, 1, 14, 13, tzinfo=UTC)),
        ("01/15/2024", "24:00:00", datetime(2024, 1, 15, 13, tzinfo=UTC)),
        ("04/07/2024", "02:30:00", datetime(2024, 4, 6, 15, 30, tzinfo=UTC)),  # doubled hour: the first pass
        ("10/05/2024", "24:00:00", datetime(2024, 10, 5, 14, tzinfo=UTC)),
    ],
)
def test_wall_time_is_read_in_the_clinics_zone(day: str, clock: str, instant: datetime) -> None:
    assert values.read_wall_time(day, clock, SYDNEY) == instant


@pytest.mark.parametrize("clock", ["02:00:00", "02:30:00", "02:59:59"])
def test_wall_time_in_the_skipped_hour_is_refused(clock: str) -> None:
    with pytest.raises(UnreadableValue, match="daylight-saving time skips"):
        values.read_wall_time("10/06/2024", clock, SYDNEY)


def test_wall_time_without_a_day_is_empty_or_refused() -> None:
    assert values.read_wall_time("", "", SYDNEY) is None
    with pytest.raises(UnreadableValue, match="a time but no date"):
        values.read_wall_time("", "09:00:00", SYDNEY)


@pytest.mark.parametrize(("day", "clock"), [("01/01/0001", "00:00:00"), ("12/31/9999", "24:00:00")])
def test_wall_time_beyond_the_calendar_is_refused(day: str, clock: str) -> None:
    with pytest.raises(UnreadableValue, match="outside the years"):
        values.read_wall_time(day, clock, SYDNEY)


@pytest.mark.parametrize(
    ("raw", "instant"),
    [
        ("", None),
        ("07/01/2024 09:00:00", datetime(2024, 6, 30, 23, tzinfo=UTC)),
        ("7/1/2024 9:00 AM", datetime(2024, 6, 30, 23, tzinfo=UTC)),
        ("2024-07-01T09:00:00", datetime(2024, 6, 30, 23, tzinfo=UTC)),
        ("2024-07-01 09:00", datetime(2024, 6, 30, 23, tzinfo=UTC)),
        ("2024-07-01T09:00:00+10:00", datetime(2024, 6, 30, 23, tzinfo=UTC)),
        ("2024-07-01 09:00:00.5 -0230", datetime(2024, 7, 1, 11, 30, 0, 500_000, tzinfo=UTC)),
        ("2024-10-06T02:30:00Z", datetime(2024, 10, 6, 2, 30, tzinfo=UTC)),
        ("07/01/2024 24:00:00", datetime(2024, 7, 1, 14, tzinfo=UTC)),
    ],
)
def test_timestamp_is_read_in_each_form(raw: str, instant: datetime | None) -> None:
    assert values.read_timestamp(raw, SYDNEY) == instant


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("07/01/2024", "a date but no time"),
        ("31/02/2024 10:00:00", "not a day of the calendar"),
        ("1/13/24 10:00:00", "a year of two digits"),
        ("10/06/2024 02:30:00", "daylight-saving time skips"),
        ("2024-07-01T09:00:00+25:00", "offset"),
        ("2024-07-01T25:00:00", "not a time of day"),
        ("soon", "not a date in the form"),
    ],
)
def test_timestamp_that_says_no_instant_is_refused(raw: str, rule: str) -> None:
    with pytest.raises(UnreadableValue, match=rule):
        values.read_timestamp(raw, SYDNEY)


@given(st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2090, 1, 1)))
def test_timestamp_with_its_offset_comes_back_whatever_the_clock_does(moment: datetime) -> None:
    instant = moment.replace(tzinfo=UTC)
    assert values.read_timestamp(instant.astimezone(SYDNEY).isoformat(), SYDNEY) == instant


@given(
    st.datetimes(min_value=datetime(1950, 1, 1), max_value=datetime(2090, 1, 1)).map(lambda t: t.replace(microsecond=0))
)
def test_wall_time_comes_back_from_the_instant_unless_the_clock_skips_it(wall: datetime) -> None:
    there_and_back = wall.replace(tzinfo=SYDNEY).astimezone(UTC).astimezone(SYDNEY).replace(tzinfo=None)
    day, clock = f"{wall:%m/%d/%Y}", f"{wall:%H:%M:%S}"
    if there_and_back != wall:
        with pytest.raises(UnreadableValue):
            values.read_wall_time(day, clock, SYDNEY)
        return
    instant = values.read_wall_time(day, clock, SYDNEY)
    assert instant is not None
    assert instant.astimezone(SYDNEY).replace(tzinfo=None) == wall
    # Where two instants show this wall time, the earlier one was taken.
    assert (instant - HOUR).astimezone(SYDNEY).replace(tzinfo=None) != wall


def test_missing_and_doubled_hours_are_found_in_every_year() -> None:
    """Every quarter hour of 2024: the four skipped ones are refused, the four doubled ones read once, early."""
    skipped, instants = [], []
    wall = datetime(2024, 1, 1)
    while wall.year == 2024:
        try:
            instants.append(values.local_instant(wall, SYDNEY))
        except UnreadableValue:
            skipped.append(wall)
        wall += timedelta(minutes=15)
    assert [moment.date() for moment in skipped] == [date(2024, 10, 6)] * 4
    assert [moment.time() for moment in skipped] == [time(2), time(2, 15), time(2, 30), time(2, 45)]
    assert instants == sorted(set(instants))


@pytest.mark.parametrize(
    ("raw", "read"), [("", None), (7, 7), ("7", 7), ("7.0", 7), (Decimal("12"), 12), ("2147483647", 2**31 - 1)]
)
def test_integer_is_read(raw: object, read: int | None) -> None:
    assert values.read_integer(raw) == read


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("7.5", "not a whole number"),
        ("seven", "not a number"),
        ("NaN", "not a number"),
        ("Infinity", "not a number"),
        ("1_000", "not a number"),
        ("٧", "not a number"),
        ("1,000", "without commas"),
        ("1,5", "without commas"),
        ("2147483648", "larger than a column holds"),
        ("-2147483649", "larger than a column holds"),
        ("1E+999999", "larger than a column holds"),
    ],
)
def test_integer_that_no_column_holds_is_refused(raw: str, rule: str) -> None:
    with pytest.raises(UnreadableValue, match=rule):
        values.read_integer(raw)


def test_ids_are_compared_in_one_spelling() -> None:
    assert values.read_filemaker_id(f" {KEY} ") == KEY.lower()
    assert values.read_filemaker_id(KEY.replace("-", "")) == KEY.lower()
    assert values.read_filemaker_id("Contact-12") == "contact-12"
    assert values.read_filemaker_id("") is None
    assert values.read_uuid(KEY) == values.read_uuid(KEY.lower()) == uuid.UUID(KEY)
    assert values.read_uuid(KEY.replace("-", "")) == uuid.UUID(KEY)
    assert values.read_uuid(f"{{{KEY}}}") == uuid.UUID(KEY)
    assert values.read_filemaker_id(f"{{{KEY}}}") == KEY.lower()
    assert values.read_filemaker_id(4711) == values.read_filemaker_id("4711") == "4711"
    assert values.read_filemaker_id("12E5") == "12e5"
    assert values.read_uuid("") is None


@pytest.mark.parametrize(
    "raw", ["4711", KEY[:-1], f"{{{KEY}", f"{KEY}}}", f"urn:uuid:{KEY}", f"{KEY}0", KEY.replace("A1", "-A")]
)
def test_uuid_in_another_form_is_refused(raw: str) -> None:
    with pytest.raises(UnreadableValue, match="not a UUID"):
        values.read_uuid(raw)


@pytest.mark.parametrize("raw", [1.0, Decimal("1.0"), 1.5, "4711.0", "4.711E+17", "4E+17", -4, 1e300])
def test_number_that_a_spreadsheet_spoiled_is_no_id(raw: object) -> None:
    if raw == -4:
        raw = Decimal(-4)
    with pytest.raises(UnreadableValue, match="no id"):
        values.read_filemaker_id(raw)


def test_id_that_no_index_holds_is_refused() -> None:
    assert values.read_filemaker_id("x" * 200) == "x" * 200
    with pytest.raises(UnreadableValue, match="longer than 200 characters"):
        values.read_filemaker_id("x" * 201)


def test_names_are_compared_without_case_blanks_and_punctuation() -> None:
    assert values.fold_name(" Port   Macquarie ") == values.fold_name("PORT-MACQUARIE") == "port macquarie"
    assert values.fold_name("Dr. Smith") == values.fold_name("dr smith") == values.fold_name("DR  SMITH,")
    assert values.fold_name("O'Brien") == values.fold_name("O\u2019Brien") == values.fold_name("obrien")
    assert values.fold_name("Caf\u00e9") == values.fold_name("Cafe\u0301") != values.fold_name("Cafe")
    assert values.fold_name("") == ""
    assert values.fold_name("???") == "???" != values.fold_name("")


@given(st.text(), st.text())
def test_new_ids_depend_on_entity_and_filemaker_id_only(first: str, second: str) -> None:
    made: Any = values.new_nexus_id("note", first)
    assert made == values.new_nexus_id("note", first)
    assert made.version == 5
    assert made != values.new_nexus_id("letter", first)
    assert (made == values.new_nexus_id("note", second)) == (first == second)
