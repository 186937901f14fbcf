"""Normalisers of choices, contact data and amounts, and what holds for every normaliser whatever it is given."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nexus_import.core import values
from nexus_import.core.values import UnreadableValue, UnusualValue

SYDNEY = ZoneInfo("Australia/Sydney")
READERS: dict[str, Callable[[Any], object]] = {
    "text": values.read_text,
    "filemaker_id": values.read_filemaker_id,
    "uuid": values.read_uuid,
    "date": values.read_date,
    "time": values.read_time,
    "timestamp": lambda value: values.read_timestamp(value, SYDNEY),
    "wall_time": lambda value: values.read_wall_time(value, value, SYDNEY),
    "integer": values.read_integer,
    "number": values.read_number,
    "boolean": values.read_boolean,
    "sex": values.read_sex,
    "title": values.read_title,
    "code": values.read_code,
    "phone": values.read_phone,
    "email": values.read_email,
    "post_code": values.read_post_code,
    "fold": values.fold_name,
}
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(st.characters(exclude_categories=[])),
    st.from_regex(r"[0-9/:. +\-TZAPMdayE,]{0,30}"),
    st.sampled_from(
        ["24:00:00", "31/02/2024", "1/13/24", "\x00", "\ud83d", "1 day, 0:00:00", "1E+999999", "x" * 9_000]
    ),
)


@pytest.mark.parametrize("name", sorted(READERS))
@given(raw=NASTY)
def test_no_value_raises_anything_else_or_comes_out_with_what_no_column_holds(name: str, raw: object) -> None:
    try:
        read = READERS[name](raw)
    except UnreadableValue as error:
        read = error.value if isinstance(error, UnusualValue) else None
    if isinstance(read, str):
        assert not re.search("[\x00\ud800-\udfff]", read)


@pytest.mark.parametrize(
    "name", ["text", "filemaker_id", "sex", "title", "code", "phone", "email", "post_code", "fold"]
)
@given(raw=st.one_of(st.text(), st.from_regex(r"[a-z (]{0,5}\+?\(?0[0-9 ()./-]{5,16}[a-z0-9 ()]{0,8}", fullmatch=True)))
@example(raw="C.\u0327")
def test_what_was_read_reads_the_same_again(name: str, raw: str) -> None:
    try:
        read = READERS[name](raw)
    except UnreadableValue:
        return
    assert READERS[name](read) == read


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("Mr", "Mr"),
        ("mr.", "Mr"),
        ("Mrs.", "Mrs"),
        ("MS.", "Ms"),
        (" Miss ", "Miss"),
        ("Dr.", "Dr"),
        ("prof", "Prof"),
        ("", None),
        ("  ", None),
    ],
)
def test_title_is_one_of_the_applications(raw: str, title: str | None) -> None:
    assert values.read_title(raw) == title


@pytest.mark.parametrize("raw", ["Master", "Father", "Sister", "Brother", "Jr.", "Mr and Mrs"])
def test_title_outside_the_list_is_unusual_and_not_stored(raw: str) -> None:
    with pytest.raises(UnusualValue, match="none of Mr, Mrs, Ms, Miss, Dr, Prof") as caught:
        values.read_title(raw)
    assert (caught.value.value, caught.value.is_stored) == (None, False)
    assert raw not in caught.value.rule


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("Male", "M"),
        ("m", "M"),
        ("FEMALE", "F"),
        ("F.", "F"),
        ("", "U"),
        ("Unknown", "U"),
        ("u", "U"),
        ("Other", "O"),
        ("non-binary", "O"),
    ],
)
def test_sex_becomes_the_applications_code(raw: str, code: str) -> None:
    assert values.read_sex(raw) == code


def test_sex_that_could_be_a_slip_is_unknown_and_named() -> None:
    with pytest.raises(UnusualValue) as caught:
        values.read_sex("femal")
    assert (caught.value.value, caught.value.is_stored) == ("U", False)


@pytest.mark.parametrize(
    ("raw", "code"), [("Clinical Notes", "clinical_notes"), (" 3D  Scan\rData ", "3d_scan_data"), ("", None)]
)
def test_code_is_lower_case_with_underscores(raw: str, code: str | None) -> None:
    assert values.read_code(raw) == code


@pytest.mark.parametrize(
    ("raw", "flag"),
    [(1, True), (0, False), ("1", True), ("0", False), ("1.0", True), ("Yes", True), ("no", False), ("", None)],
)
def test_flag_is_read(raw: object, flag: bool | None) -> None:
    assert values.read_boolean(raw) is flag


@pytest.mark.parametrize("raw", ["2", "-1", "maybe", "01/01/2024"])
def test_flag_that_is_neither_is_refused(raw: str) -> None:
    with pytest.raises(UnreadableValue, match="no flag"):
        values.read_boolean(raw)


@pytest.mark.parametrize(
    ("raw", "phone"),
    [
        ("0412 345 678", "0412345678"),
        ("(02) 4921-1234", "0249211234"),
        ("+61 (0)2 4921 1234", "+61249211234"),
        ("+61 412.345.678", "+61412345678"),
        ("0011 44 20 7946 0958", "0011442079460958"),
        ("13 11 14", "131114"),
        ("1300 123 456", "1300123456"),
        ("4921 1234", "49211234"),
        ("Mum 0412 345 678", "0412345678 Mum"),
        ("0412345678 (wife Jo)", "0412345678 wife Jo"),
        ("0249211234 ext 12", "0249211234 ext 12"),
        ("", None),
    ],
)
def test_phone_number_is_kept_as_text_with_its_label(raw: str, phone: str | None) -> None:
    assert values.read_phone(raw) == phone


def test_phone_number_and_label_come_apart() -> None:
    assert values.split_phone("Mum: 0412 345 678") == values.Phone("0412345678", "Mum")
    assert values.split_phone("") is None


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ("0412 345", "not the digits"),
        ("call  Jo\nat home", "no phone number"),
        ("0912345678", "not the digits"),
        ("0000000000", "same digit"),
        ("0412345678901234567", "more than 15 digits"),
        ("ask reception", "no phone number"),
        ("12345", "no phone number"),
        ("0412345678 or 0298765432", "more than one"),
        (412345678, "loses a leading 0"),
        (Decimal("249211234"), "loses a leading 0"),
    ],
)
def test_impossible_phone_number_is_stored_as_it_is_and_named(raw: object, rule: str) -> None:
    with pytest.raises(UnusualValue, match=rule) as caught:
        values.read_phone(raw)
    assert (caught.value.value, caught.value.is_stored) == (str(raw), True)
    assert str(raw) not in caught.value.rule


def test_email_is_an_address_and_a_flag_is_none() -> None:
    assert values.read_email(" Jo.Smith+x@clinic.example ") == "Jo.Smith+x@clinic.example"
    assert values.read_email("") is None
    for flag in ("1", "0", 1):
        with pytest.raises(UnusualValue, match="a flag") as caught:
            values.read_email(flag)
        assert (caught.value.value, caught.value.is_stored) == (None, False)
    with pytest.raises(UnusualValue, match="no e-mail address") as caught:
        values.read_email("jo at clinic")
    assert (caught.value.value, caught.value.is_stored) == ("jo at clinic", True)


def test_post_code_keeps_its_leading_zero() -> None:
    assert values.read_post_code("0800") == "0800"
    assert values.read_post_code(2300) == "2300"
    for raw in (800, "W1A 1AA"):
        with pytest.raises(UnusualValue, match="four digits") as caught:
            values.read_post_code(raw)
        assert (caught.value.value, caught.value.is_stored) == (str(raw), True)


@pytest.mark.parametrize(
    ("raw", "number"), [("12.50", "12.50"), (".5", "0.5"), ("-3", "-3"), ("1E+3", "1000"), (Decimal("0.1"), "0.1")]
)
def test_number_is_exact(raw: object, number: str) -> None:
    assert values.read_number(raw) == Decimal(number)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_number_comes_back_whatever_it_is(number: Decimal) -> None:
    assert values.read_number(str(number)) == values.read_number(number) == number


@pytest.mark.parametrize(
    ("value", "column_type"),
    [
        ("x" * 10, "character varying(10)"),
        ("👩‍⚕️", "character varying(4)"),
        ("x" * 10_000, "text"),
        (32_767, "smallint"),
        (-(2**31), "integer"),
        (Decimal("123456.78"), "numeric(8,2)"),
        (Decimal("1.500"), "numeric(3,1)"),
        (Decimal(0), "numeric(2,2)"),
        (Decimal("0.1"), "double precision"),
        (date(2024, 1, 1), "date"),
        (True, "boolean"),
        (None, "integer"),
    ],
)
def test_value_fits_its_column(value: object, column_type: str) -> None:
    values.fit(value, column_type)


@pytest.mark.parametrize(
    ("value", "column_type", "rule"),
    [
        ("x" * 11, "character varying(10)", "longer than 10 characters"),
        ("xx", "character(1)", "longer than 1 characters"),
        (32_768, "smallint", "larger than the column holds"),
        (2**31, "integer", "larger than the column holds"),
        (2**63, "bigint", "larger than the column holds"),
        (Decimal("1234567.8"), "numeric(8,2)", "more than 6 digits before the point"),
        (Decimal("1.234"), "numeric(8,2)", "more than 2 digits after the point"),
        (Decimal("1E+999999"), "numeric", "digits before the point"),
        (Decimal("1E-99999"), "numeric", "digits after the point"),
        (Decimal("0.12345678901234567"), "double precision", "would round"),
    ],
)
def test_value_that_a_column_would_cut_or_round_is_refused(value: object, column_type: str, rule: str) -> None:
    with pytest.raises(UnreadableValue, match=rule):
        values.fit(value, column_type)


@given(st.datetimes(min_value=datetime(1850, 1, 1), max_value=datetime(2199, 12, 31)))
def test_day_and_month_are_never_swapped(moment: datetime) -> None:
    day_first = f"{moment:%d/%m/%Y}"
    try:
        read = values.read_date(day_first)
    except UnreadableValue:
        assert moment.day > 12
    else:
        assert read == date(moment.year, moment.day, moment.month)
