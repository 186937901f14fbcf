"""Values survive to the byte: backed up, destroyed, restored, and `COPY … TO` writes the same."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.restore.scene import Scene

TYPES = """
    CREATE TYPE mood AS ENUM ('sad', 'so "so"', 'it''s fine', '');
    CREATE TYPE place AS (street text, number integer, tags text[]);
    CREATE DOMAIN percent AS numeric CHECK (value BETWEEN 0 AND 100);
    CREATE TABLE everything (
        id integer PRIMARY KEY,
        a_text text, a_varchar varchar(40), a_char char(8), a_name name,
        a_boolean boolean, a_smallint smallint, a_bigint bigint,
        a_numeric numeric, a_scaled numeric(20, 6), a_percent percent,
        a_real real, a_double double precision, a_money money,
        a_bytea bytea, a_uuid uuid, a_bit bit varying(70),
        a_date date, a_time time, a_timetz time with time zone,
        a_timestamp timestamp, a_timestamptz timestamp with time zone, an_interval interval,
        a_json json, a_jsonb jsonb,
        an_inet inet, a_cidr cidr, a_macaddr macaddr,
        a_point point, a_range int4range, a_tsrange tstzrange, a_multirange nummultirange, a_tsvector tsvector,
        a_mood mood, a_place place, some_places place[],
        some_texts text[], some_numbers numeric[], some_bytes bytea[], a_matrix integer[][]
    )
"""
EXTREMES: dict[str, list[str]] = {
    "a_text": [
        "",
        " ",
        "\\.",
        "\n\\.\n",
        "a\n\\.\nb",
        '"',
        '""',
        "'",
        ",",
        "\t",
        "\r",
        "\r\n",
        "\n",
        "\\N",
        "NULL",
        "\\",
    ],
    "a_varchar": ["", "  leading and trailing  ", "ß\u0301", "\u202eright to left", "\U0001f469\u200d\u2695\ufe0f"],
    "a_char": ["", "x", "12345678"],
    "a_name": ["", "a name"],
    "a_boolean": ["t", "f"],
    "a_smallint": ["-32768", "32767", "0"],
    "a_bigint": ["-9223372036854775808", "9223372036854775807"],
    "a_numeric": ["NaN", "Infinity", "-Infinity", "0", "0.00", "-0.000", "1e-50", "1" * 200 + "." + "0" * 50, "1.10"],
    "a_scaled": ["0", "-99999999999999.999999", "NaN"],
    "a_percent": ["0", "0.0", "100.00"],
    "a_real": ["NaN", "Infinity", "-Infinity", "-0", "1.17549435e-38", "3.4028235e38", "0.1", "1e-45"],
    "a_double": [
        "NaN",
        "Infinity",
        "-Infinity",
        "-0",
        "0",
        "5e-324",
        "1.7976931348623157e308",
        "0.1",
        "3.3333333333333335",
    ],
    "a_money": ["-92233720368547758.08", "92233720368547758.07", "0.01"],
    "a_bytea": ["\\x", "\\x00", "\\x5c5c2e0a220d0a", "\\x" + bytes(range(256)).hex()],
    "a_uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "a_bit": ["", "0", "10110"],
    "a_date": ["-infinity", "infinity", "4713-01-01 BC", "5874897-12-31", "2000-02-29"],
    "a_time": ["00:00:00", "24:00:00", "23:59:59.999999"],
    "a_timetz": ["00:00:00+15:59", "24:00:00-15:59", "12:34:56.789+05:45"],
    "a_timestamp": ["-infinity", "infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    "a_timestamptz": ["-infinity", "infinity", "2026-04-05 02:30:00 Australia/Sydney", "0001-01-01 00:00:00 BC"],
    "an_interval": ["0", "-178000000 years", "1 year -2 mons +3 days -04:05:06.789", "infinity", "-infinity"],
    "a_json": ["null", '{"a":1, "a":2}', '{ "kept" :  "as it is" }', '"\\u00e9\\n"', "1.10"],
    "a_jsonb": ["null", '{"b": 1, "a": [1.10, 1.1, 1e3]}', '"\\u2028\\"\\\\"', "[]", "0.00"],
    "an_inet": ["0.0.0.0", "192.168.1.5/24", "::1", "::ffff:1.2.3.4/128"],
    "a_cidr": ["0.0.0.0/0", "2001:db8::/32"],
    "a_macaddr": ["08:00:2b:01:02:03"],
    "a_point": ["(0,-0)", "(NaN,Infinity)", "(1e-300,0.1)"],
    "a_range": ["empty", "(,)", "[1,5)", "(,7]"],
    "a_tsrange": ["empty", "[-infinity,infinity]", "[2026-01-01 00:00:00+11,)"],
    "a_multirange": ["{}", "{[1.0,1.10),[2,)}"],
    "a_tsvector": ["", "'it''s':1A 'b\\\\c':2B"],
    "a_mood": ["sad", 'so "so"', "it's fine", ""],
    "a_place": ["(,,)", '("","0","{}")', '("a ""b"", (c)\\\\d",-1,"{NULL,"""",""NULL""}")'],
    "some_places": ["{}", '{"(a,1,)",NULL,"(,,\\"{x}\\")"}'],
    "some_texts": ["{}", '{NULL,"NULL","",",","{","\\"","\\\\","\n"}', "[5:6]={a,b}"],
    "some_numbers": ["{NaN,1.0,1.00,NULL}"],
    "some_bytes": ['{"\\\\x","\\\\x00ff",NULL}'],
    "a_matrix": ["{{1,2},{3,NULL}}", "[0:1][-1:0]={{1,2},{3,4}}"],
}
DESTRUCTIONS = (
    "TRUNCATE everything",
    "DELETE FROM everything WHERE id % 2 = 0; UPDATE everything SET a_text = a_text || ' changed since'",
    "UPDATE everything SET a_double = 0, a_numeric = trim_scale(a_numeric), a_real = NULL, a_jsonb = '1'",
    "UPDATE everything SET id = id + 1000; INSERT INTO everything (id, a_text) VALUES (1, 'another'), (-5, NULL)",
)
EVERY_CHARACTER = "".join(chr(point) for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
TYPED: dict[str, st.SearchStrategy[str]] = {
    "a_text": texts,
    "a_varchar": texts.map(lambda text: text[:40]),
    "a_smallint": st.integers(-32768, 32767).map(str),
    "a_bigint": st.integers(-(2**63), 2**63 - 1).map(str),
    "a_numeric": st.decimals(places=12, allow_nan=False, allow_infinity=False).map(str),
    "a_real": st.floats(width=32).map(repr),
    "a_double": st.floats().map(repr),
    "a_bytea": st.binary(max_size=60).map(lambda body: "\\x" + body.hex()),
    "a_uuid": st.uuids().map(str),
    "a_bit": st.text("01", max_size=70),
    "a_date": st.dates().map(str),
    "a_time": st.times().map(str),
    "a_timestamptz": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    "an_interval": st.tuples(st.integers(-9999, 9999), st.integers(-9999, 9999), st.integers(-(10**15), 10**15)).map(
        lambda parts: f"{parts[0]} mons {parts[1]} days {parts[2]} microseconds"
    ),
    "an_inet": st.ip_addresses().map(str),
    "a_mood": st.sampled_from(EXTREMES["a_mood"]),
}
values = {
    column: st.none() | st.sampled_from(extremes) | TYPED.get(column, st.nothing())
    for column, extremes in EXTREMES.items()
}


@pytest.fixture(scope="module")
def typed(shared_bare: Scene) -> Scene:
    """A Nexus with one table of many types."""
    shared_bare.execute(TYPES)
    return shared_bare


def fill(scene: Scene, rows: list[dict[str, str | None]]) -> None:
    scene.execute("TRUNCATE everything")
    columns = list(EXTREMES)
    statement = f"INSERT INTO everything (id, {', '.join(columns)}) VALUES (%s{', %s' * len(columns)})"
    with scene.installation.owner() as connection, connection.transaction():
        for number, row in enumerate(rows):
            connection.execute(statement.encode(), (number, *(row.get(column) for column in columns)))


@pytest.mark.parametrize("destruction", DESTRUCTIONS)
def test_extreme_values_of_every_type_come_back_to_the_byte(typed: Scene, destruction: str) -> None:
    longest = max(map(len, EXTREMES.values()))
    rows: list[dict[str, str | None]] = [
        {column: extremes[n % len(extremes)] for column, extremes in EXTREMES.items()} for n in range(longest)
    ]
    fill(typed, [*rows, {}])
    before = typed.rows()
    manifest = typed.back_up()
    typed.execute(destruction)
    assert typed.rows() != before
    typed.restore(manifest)
    assert typed.rows() == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.fixed_dictionaries({}, optional=values), min_size=1, max_size=12), st.sampled_from(DESTRUCTIONS))
def test_any_values_come_back_to_the_byte(typed: Scene, rows: list[dict[str, str | None]], destruction: str) -> None:
    fill(typed, rows)
    before = typed.rows()
    manifest = typed.back_up()
    typed.execute(destruction)
    typed.restore(manifest)
    assert typed.rows() == before


def test_every_character_and_a_very_long_text_come_back(bare: Scene) -> None:
    bare.execute("CREATE TABLE texts (id integer PRIMARY KEY, content text)")
    bare.execute("INSERT INTO texts VALUES (1, %s), (2, '')", EVERY_CHARACTER)
    # 50 MB that do not compress to nothing, with what ends lines and fields in between
    pieces = random.Random(1)
    unit = "".join(pieces.choice("abcdefgh\n\r\\.\",;\t'é€😀") for _ in range(50_000))
    bare.execute("INSERT INTO texts VALUES (3, repeat(%s, 1000))", unit)
    assert bare.value("SELECT octet_length(content) FROM texts WHERE id = 3") > 50_000_000
    digests = "SELECT array_agg(sha256(convert_to(content, 'UTF8')) ORDER BY id) FROM texts"
    before = bare.value(digests)
    manifest = bare.back_up()
    bare.execute("DELETE FROM texts WHERE id = 3; UPDATE texts SET content = ''")
    bare.restore(manifest)
    assert bare.value(digests) == before


def test_what_the_server_is_set_to_does_not_matter(bare: Scene) -> None:
    """Another installation may write dates, intervals, floats and bytes in another way."""
    bare.execute(TYPES)
    fill(bare, [{column: extremes[-1] for column, extremes in EXTREMES.items()}])
    before = bare.rows()
    database = bare.installation.database.database
    odd: dict[str, Any] = {
        "datestyle": "'SQL, DMY'",
        "intervalstyle": "'sql_standard'",
        "timezone": "'Australia/Sydney'",
        "extra_float_digits": "-15",
        "bytea_output": "'escape'",
        "search_path": "'pg_catalog'",
    }
    with bare.installation.database.cluster.connect(database) as connection:
        for name, value in odd.items():
            connection.execute(f"ALTER DATABASE {database} SET {name} = {value}".encode())
    manifest = bare.back_up()
    with bare.installation.database.cluster.connect(database) as connection:
        for name in odd:
            connection.execute(f"ALTER DATABASE {database} RESET {name}".encode())
    bare.execute("DELETE FROM public.everything")
    bare.restore(manifest)
    assert bare.rows() == before
