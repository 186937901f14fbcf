"""Links that no catalog and no usual name tells: each is followed, or named with the line that says what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from nexus_import.core.data_policy import DataPolicy
from nexus_import.nexus.catalog import read_id_columns
from nexus_import.nexus.links import Kind, read_links
from nexus_import.nexus.sampled_ids import find_columns_with_ids

from tests.nexus.test_schema_guard import SHIPPED, guard, said
from tests.support.installation import Installation, start_installation

TYPE = "integer REFERENCES django_content_type"
PAIRED = {
    "bare_number": "content_type_id integer NOT NULL, object_id uuid NOT NULL",
    "named_uuid": f"content_type_id {TYPE}, object_uuid uuid",
    "named_target": f"target_type_id {TYPE}, target_id uuid",
    "short_name": f"target_ct_id {TYPE}, target_id varchar(36)",
    "bare_target": "target_type_id smallint, target_id uuid",
    "domain_id": f"content_type_id {TYPE}, object_id row_reference",
    "from_and_to": f"from_content_type_id {TYPE}, from_object_pk text, to_type_id {TYPE}, to_object_id uuid",
}
"""Tables whose generic link is told by its names, whatever the database says of them."""
LONE = {
    "far_target": f"content_type_id {TYPE}, target_id uuid",
    "no_suffix": f"kind_id {TYPE}, subject uuid, label text",
    "bare_lone": "content_type_id integer, subject uuid",
    "bare_price": "price_type_id bigint, token uuid",
    "several_ids": f"content_type_id {TYPE}, object_ids uuid[]",
}
"""Tables of which only half of a generic link is told."""
PLAIN = {
    "plain_domain": ("patient_id row_reference", "patient_id", "patients"),
    "other_ending": ("former_patient_uuid uuid", "former_patient_uuid", "patients"),
    "of_a_note": ("note_id uuid", "note_id", "notes"),
    "of_a_letter": ("patientletter_id uuid", "patientletter_id", "letters_patientletter"),
    "of_a_message": ("sms_message_id text", "sms_message_id", "sms_messages"),
    "clinic_log.entries": ("appointment_id uuid", "appointment_id", "appointments"),
}
"""Tables whose plain column is told by its name: what is in it, the column, the table it refers to."""
FILLED = {
    "by_value": ("who uuid", "who", "patients", "SELECT gen_random_uuid(), id FROM patients LIMIT 3", 3),
    "by_text": ("ref text", "ref", "appointments", "SELECT gen_random_uuid(), upper(id::text) FROM appointments", None),
    "shared_key": ("note text", "id", "patients", "SELECT id FROM patients LIMIT 2", 2),
}
"""Tables whose column is told by what is in it."""


@pytest.fixture(scope="module")
def odd(parts: Any) -> Iterator[Installation]:
    with start_installation(parts) as installation:
        installation.execute("CREATE SCHEMA clinic_log; CREATE DOMAIN row_reference AS uuid")
        columns = PAIRED | LONE | {table: what for table, (what, *_) in (PLAIN | FILLED).items()}
        for table, what in (columns | {"array_named": "patient_ids uuid[]", "array_filled": "seen text[]"}).items():
            installation.execute(f"CREATE TABLE {table} (id uuid PRIMARY KEY, {what})")
        for table, (_, _, _, rows, _) in FILLED.items():
            installation.execute(f"INSERT INTO {table} {rows}")
        installation.execute("INSERT INTO array_filled SELECT gen_random_uuid(), array_agg(id) FROM appointments")
        installation.execute("CREATE TABLE innocent (id uuid PRIMARY KEY, token uuid, price_type_id uuid, who text)")
        installation.execute("INSERT INTO innocent SELECT id, gen_random_uuid(), gen_random_uuid(), 'x' FROM clinics")
        yield installation


def found(installation: Installation, policy: DataPolicy = SHIPPED) -> dict[str, str]:
    """Return what is said of the links of each table; tables with two sentences have both."""
    sentences: dict[str, list[str]] = {}
    for finding in guard(installation, policy)["links_are_declared"].findings:
        sentences.setdefault(finding.entity, []).append(str(finding.detail))
    return {table: "; ".join(said) for table, said in sentences.items()}


@pytest.mark.parametrize("table", PAIRED)
def test_generic_link_is_known_by_its_names(odd: Installation, table: str) -> None:
    with odd.importer() as connection:
        links = [link for link in read_links(connection, SHIPPED) if link.table == table]
    assert {link.parent_table for link in links} == set(SHIPPED.content_types)
    assert {link.kind for link in links} == {Kind.GENERIC}
    assert len({link.columns for link in links}) == (2 if table == "from_and_to" else 1)
    sentences = said(guard(odd)["tables_are_declared"])
    assert any(sentence.startswith(f"table {table} reaches patients through ") for sentence in sentences)


def test_half_of_a_generic_link_stops_the_run_with_the_line_that_pairs_it(odd: Installation) -> None:
    sentences = found(odd)
    assert sentences["far_target"] == (
        "column far_target.content_type_id looks like the content type of a generic link, and no column beside it is"
        " named as the id it speaks of: add the line '  far_target: [[content_type_id, target_id]]' under generic_links"
        " (it may be target_id; [[content_type_id]] if it is about no row)"
    )
    assert "(it may be subject or label; [[kind_id]] if" in sentences["no_suffix"]
    assert LONE.keys() <= sentences.keys()
    assert not guard(odd)["links_are_declared"].is_passed


def test_declared_pair_is_followed_and_a_declared_half_is_left_alone(odd: Installation) -> None:
    pairs = {"far_target": (("content_type_id", "target_id"),), "no_suffix": (("kind_id",),)}
    policy = replace(SHIPPED, generic_links=pairs)
    assert {"far_target", "no_suffix"} & found(odd, policy).keys() == set()
    with odd.importer() as connection:
        links = {link.name for link in read_links(connection, policy) if link.parent_table == "patients"}
    assert "far_target.target_id" in links
    assert not {name for name in links if name.startswith("no_suffix")}


def test_declared_pair_comes_before_what_names_tell(odd: Installation) -> None:
    policy = replace(SHIPPED, generic_links={"named_uuid": (("content_type_id",),)})
    with odd.importer() as connection:
        assert not [link for link in read_links(connection, policy) if link.table == "named_uuid"]


@pytest.mark.parametrize(
    ("table", "pair", "says"),
    [
        ("far_target", ("content_type", "target_id"), "content_type there that can hold a content type (nearest: co"),
        ("far_target", ("content_type_id", "target"), "target there that can hold an id (nearest: target_id)"),
        ("several_ids", ("content_type_id", "object_ids"), "object_ids there that can hold an id"),
        ("gone", ("content_type_id",), "content_type_id there that can hold a content type"),
    ],
)
def test_pair_that_cannot_be_is_named(odd: Installation, table: str, pair: tuple[str, ...], says: str) -> None:
    sentences = found(odd, replace(SHIPPED, generic_links={table: (pair,)}))
    assert f"generic_links: {table}: Nexus has no column {says}" in sentences[table]


@pytest.mark.parametrize("table", PLAIN)
def test_plain_column_is_known_by_its_name(odd: Installation, table: str) -> None:
    _, column, parent = PLAIN[table]
    assert found(odd)[table] == (
        f"column {table}.{column} looks like an id of {parent} without a foreign key: add the line"
        f" '  {table}.{column}: {parent}' under plain_links (or [] instead of {parent})"
        f" and '  {table}: untouched' under tables"
    )


@pytest.mark.parametrize("table", FILLED)
def test_plain_column_is_known_by_what_is_in_it(odd: Installation, table: str) -> None:
    _, column, parent, _, count = FILLED[table]
    count = count or odd.value("SELECT count(*) FROM appointments")
    assert found(odd)[table].startswith(
        f"column {table}.{column} holds ids of {parent} ({count:,} of the values looked at) without a foreign key: add "
    )
    policy = replace(SHIPPED, plain_links={**SHIPPED.plain_links, f"{table}.{column}": ()})
    assert table not in found(odd, policy)


def test_array_stops_the_run_with_the_line_that_lets_it_be(odd: Installation) -> None:
    sentences = found(odd)
    assert sentences["array_named"] == (
        "column array_named.patient_ids looks like an id of patients without a foreign key: add the line"
        " '  array_named.patient_ids: []' under plain_links (arrays are not followed: such a row keeps nobody)"
        " and '  array_named: untouched' under tables"
    )
    assert sentences["array_filled"].startswith("column array_filled.seen holds ids of appointments (")
    links: dict[str, tuple[str, ...]] = {"array_named.patient_ids": ("patients",), "array_filled.seen": ()}
    sentences = found(odd, replace(SHIPPED, plain_links={**SHIPPED.plain_links, **links}))
    assert sentences["array_named"] == (
        "plain_links: array_named.patient_ids: it is an array, and arrays are not followed; say [] instead"
    )
    assert "array_filled" not in sentences


def test_table_that_holds_no_such_id_is_not_named(odd: Installation) -> None:
    assert found(odd).keys() == {*LONE, *PLAIN, *FILLED, "array_named", "array_filled"}


def test_long_table_is_looked_at_all_over(odd: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that stand only at the end of a long table are found in a part of its pages."""
    monkeypatch.setattr("nexus_import.nexus.sampled_ids.SAMPLED_PAGES", 60)
    odd.execute("CREATE TABLE long_one (id bigserial PRIMARY KEY, what text)")
    odd.execute("INSERT INTO long_one (what) SELECT repeat('x', 36) FROM generate_series(1, 10000)")
    odd.execute("INSERT INTO long_one (what) SELECT id FROM patients, generate_series(1, 400)")
    with odd.importer() as connection:
        columns = [(place, kind) for place, kind in read_id_columns(connection).items() if place[0] == "long_one"]
        ((_, column, parent, count),) = find_columns_with_ids(connection, columns)
    odd_count = odd.value("SELECT count(*) FROM patients") * 400
    odd.execute("DROP TABLE long_one")
    assert (column, parent) == ("what", "patients")
    assert 0 < count < odd_count
