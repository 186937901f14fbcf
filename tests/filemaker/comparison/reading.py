"""What the clients read: everything, pages that move, finds, portals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import fmdata
import fmrest
from fmdata import FMFieldType
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.records import Portal, Record, escape_criterion
from nexus_import.filemaker.walk import walk_layout

from tests.filemaker.comparison.bench import FMREST, OURS, PAGE_RECORDS, Bench, good, outcome, yes_no
from tests.filemaker.comparison.clinic import (
    AWKWARD,
    EMPTY,
    LITERAL_TEXTS,
    PEOPLE,
    PEOPLE_COUNT,
    SLASHED,
    TWO_PAGES,
    TWO_PAGES_COUNT,
)

READ_TIMEOUT_SECONDS = 0.75
COST_PER_RECORD_US = 10_000  # a page of 100 takes a second, one of 50 half of that


class Read(NamedTuple):
    """What the scenarios look at in a record that was read."""

    record_id: str
    name: str


def records_of_one_call(bench: Bench) -> str:
    with bench.opened() as client:
        count = bench.ask(
            client,
            lambda c: sum(len(page.records) for page in walk_layout(c, PEOPLE, "id")),
            lambda c: len(list(c.get_records(request_layout=PEOPLE))),
            lambda c: sum(len(page.result.response.data) for page in c.get_records_paginated(layout=PEOPLE).pages),
        )
    return str(count)


def requests_of_a_reading(bench: Bench) -> str:
    with bench.opened() as client:
        _everything(bench, client, PEOPLE, sorted_by="id")
    return str(bench.simulator.control.state()["requests"][PEOPLE])


def old_server(bench: Bench) -> str:
    """Read from a server whose answers have no counts, as those of FileMaker Server 17."""
    with bench.opened() as client:
        bench.simulator.control.set_faults(has_data_info=False, numbers_as_text=True)
        return outcome(
            lambda: "{} records".format(
                bench.ask(
                    client,
                    lambda c: len(c.get_records(PEOPLE, limit=3).records),
                    lambda c: len(list(c.get_records(limit=3, request_layout=PEOPLE))),
                    lambda c: len(good(c.get_records(PEOPLE, limit=3)).data),
                )
            )
        )


def full_pages_only(bench: Bench) -> str:
    with bench.opened() as client:
        return outcome(lambda: f"{len(_everything(bench, client, TWO_PAGES))} of {TWO_PAGES_COUNT}")


def empty_layout(bench: Bench) -> str:
    with bench.opened() as client:
        return outcome(lambda: f"{len(_everything(bench, client, EMPTY))} records")


def deleted_meanwhile(bench: Bench) -> str:
    bench.simulator.control.between_pages([_after_first_page(bench, operation="delete", record_id="101")])
    return _completeness(bench)


def inserted_meanwhile(bench: Bench) -> str:
    fields = {"id": "A0000"}  # before all others
    bench.simulator.control.between_pages([_after_first_page(bench, operation="insert", fields=fields)])
    return _completeness(bench)


def edited_meanwhile(bench: Bench) -> str:
    change = _after_first_page(bench, operation="edit", record_id="101", fields={"Name": "Changed"})
    bench.simulator.control.between_pages([change])
    with bench.opened() as client:
        names = {record.record_id: record.name for record in _everything(bench, client, PEOPLE, sorted_by="id")}
    assert bench.simulator.control.state()["changes_pending"] == 0
    return "as it is" if names["101"] == "Changed" else "as it was"


def slow_pages(bench: Bench) -> str:
    with bench.opened(read_timeout_seconds=READ_TIMEOUT_SECONDS) as client:
        bench.simulator.control.set_faults(cost_per_record_us=COST_PER_RECORD_US)
        return outcome(lambda: f"{len(_everything(bench, client, TWO_PAGES))} of {TWO_PAGES_COUNT}")


def no_match(bench: Bench) -> str:
    query = [{"Name": "nobody"}]
    with bench.opened() as client:
        return outcome(
            lambda: "{} records".format(
                bench.ask(
                    client,
                    lambda c: len(c.find(PEOPLE, query).records),
                    lambda c: len(list(c.find(query, request_layout=PEOPLE))),
                    lambda c: len(good(c.find(PEOPLE, query, limit=PAGE_RECORDS)).data or ()),
                )
            )
        )


def literal_texts(bench: Bench) -> str:
    """Find each text with what the client has for taking it literally, and count those found alone."""
    with bench.opened() as client:
        found = [_is_found_alone(bench, client, text) for text in LITERAL_TEXTS]
    return f"{sum(found)} of {len(LITERAL_TEXTS)}"


def portal_rows(bench: Bench) -> str:
    with bench.opened() as client:
        rows = bench.ask(
            client,
            lambda c: c.record(PEOPLE, "101", portals=[Portal("Visits")]).portals["Visits"],
            lambda c: list(c.get_record(101, request_layout=PEOPLE)["portal_Visits"]),
            lambda c: list(_person_model(c).objects.get(record_id="101").visits.all()),
        )
    return str(len(rows))


def layout_with_a_slash(bench: Bench) -> str:
    with bench.opened() as client:
        return outcome(lambda: f"{len(_everything(bench, client, SLASHED))} of 1")


def _everything(bench: Bench, client: Any, layout: str, sorted_by: str | None = None) -> list[Read]:
    """Return all records of a layout; python-fmrest has no helper, so that a careful loop is written for it."""
    records: list[Read] = bench.ask(
        client,
        lambda c: _walked(c, layout, sorted_by),
        lambda c: _looped(c, layout, sorted_by),
        lambda c: [
            Read(record.record_id, record.get("Name", ""))
            for page in c.get_records_paginated(layout=layout, sort=_sort(sorted_by)).pages
            for record in page.result.response.data or ()
        ],
    )
    return records


def _walked(client: FileMakerClient, layout: str, key_field: str | None) -> list[Read]:
    walk = walk_layout(client, layout, key_field)
    records = [Read(record.record_id, str(record.fields.get("Name", ""))) for page in walk for record in page.records]
    return [record for record in records if record.record_id not in walk.summary.vanished_record_ids]


def _looped(server: fmrest.Server, layout: str, sorted_by: str | None) -> list[Read]:
    records: list[Read] = []
    while True:
        found = server.get_records(
            offset=len(records) + 1, limit=PAGE_RECORDS, sort=_sort(sorted_by), request_layout=layout
        )
        records += [Read(str(record.record_id), record.to_dict().get("Name", "")) for record in found]
        if len(records) >= found.info["foundCount"]:
            return records


def _sort(field: str | None) -> list[dict[str, str]] | None:
    return [{"fieldName": field, "sortOrder": "ascend"}] if field else None


def _after_first_page(bench: Bench, **change: Any) -> dict[str, Any]:
    """Return a change that comes after the first page; our walk looks at the layout's state twice before it."""
    return {"layout": PEOPLE, "after_requests": 3 if bench.name == OURS else 1, **change}


def _completeness(bench: Bench) -> str:
    """Read all people in the order of a key, and compare with those who are there at the end."""
    with bench.opened() as client:
        ids = [record.record_id for record in _everything(bench, client, PEOPLE, sorted_by="id")]
        assert bench.simulator.control.state()["changes_pending"] == 0
        present = set(_looped_by_hand(bench))
    return _difference(ids, present)


def _looped_by_hand(bench: Bench) -> list[str]:
    """Return the record ids there are now, in one page of a client that is known to read those."""
    reader = Bench(FMREST, bench.simulator, bench.ca_file)
    with reader.opened() as server:
        return [str(record.record_id) for record in server.get_records(limit=10 * PEOPLE_COUNT)]


def _difference(ids: Sequence[str], present: set[str]) -> str:
    counts = {
        "missing": len(present - set(ids)),
        "twice": sum(count > 1 for count in Counter(ids).values()),
        "deleted": len(set(ids) - present),
    }
    said = [f"{count} {word}" for word, count in counts.items() if count]
    return ", ".join(said) or "complete"


def _is_found_alone(bench: Bench, client: Any, text: str) -> bool:
    """Find a text with what the client has for taking it literally; python-fmrest leaves that to its users."""

    def find() -> str:
        found = bench.ask(
            client,
            lambda c: [record.fields["text"] for record in _found_by_ours(c, text)],
            lambda c: [record["text"] for record in c.find([{"text": f"=={text}"}], request_layout=AWKWARD)],
            lambda c: [record.text for record in _awkward_model(c).objects.find(text__exact=text)],
        )
        return yes_no(found == [text])

    return outcome(find) == "yes"


def _found_by_ours(client: FileMakerClient, text: str) -> tuple[Record, ...]:
    return client.find(AWKWARD, [{"text": f"=={escape_criterion(text)}"}]).records


def _awkward_model(client: Any) -> Any:
    class Awkward(fmdata.Model):
        Meta = type("Meta", (), {"client": client, "layout": AWKWARD})
        text = fmdata.String(field_name="text", field_type=FMFieldType.Text)

    return Awkward


def _person_model(client: Any) -> Any:
    class Visit(fmdata.PortalModel):
        Meta = type("Meta", (), {"table_occurrence": "person_VISIT"})
        fee = fmdata.Integer(field_name="person_VISIT::fee", field_type=FMFieldType.Number)

    class Person(fmdata.Model):
        Meta = type("Meta", (), {"client": client, "layout": PEOPLE})
        visits = fmdata.PortalField(model=Visit, name="Visits")

    return Person


SCENARIOS = (
    records_of_one_call,
    requests_of_a_reading,
    old_server,
    full_pages_only,
    empty_layout,
    deleted_meanwhile,
    inserted_meanwhile,
    edited_meanwhile,
    slow_pages,
    no_match,
    literal_texts,
    portal_rows,
    layout_with_a_slash,
)
