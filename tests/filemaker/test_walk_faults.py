"""A walk of 10,000 records while rows move, sessions die and the server fails: every survivor, exactly once."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from nexus_import.errors import FileMakerMovedError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.cursor import PAGES_BEFORE_GROWTH, WalkedPage
from nexus_import.filemaker.records import Sort
from nexus_import.filemaker.walk import LayoutWalk, walk_layout

from local.simulator import Simulator

RECORD_COUNT = 10_000
PAGE_SIZE_RECORDS = 1000
LAYOUT = "Large"
USER, PASSWORD = "reader", "secret"
WAIT_SECONDS = 60
PAGES_FROM = 3  # two requests for the state of the layout, then the pages
PAGES_TO = PAGES_FROM + RECORD_COUNT // PAGE_SIZE_RECORDS
REQUESTS_AT_LEAST = PAGES_TO + 1
CHANGES = 60
SEED = 1_951

Start = Callable[..., LayoutWalk]
BOTH_KINDS = pytest.mark.parametrize("key_field", ["id", None], ids=["by_key", "by_offset"])


def seeds(always: int, deep: int) -> Any:
    numbers = [pytest.param(number, marks=[pytest.mark.deep] if number >= always else []) for number in range(deep)]
    return pytest.mark.parametrize("seed", numbers)


@pytest.fixture(scope="module")
def large() -> Iterator[Simulator]:
    keys = list(range(RECORD_COUNT))
    random.Random(SEED).shuffle(keys)
    records = [
        {"recordId": str(number), "modId": "0", "fieldData": {"id": f"{key:06d}", "note": f"note of {key}"}}
        for number, key in enumerate(keys, start=1)
    ]
    fields = [{"name": "id", "result": "text"}, {"name": "note", "result": "text"}]
    layout = {"layout": LAYOUT, "fields": fields, "records": records}
    with Simulator.from_dataset(
        {"database": "Clinic", "user": USER, "password": PASSWORD, "layouts": [layout]}
    ) as simulator:
        yield simulator


@pytest.fixture
def start(large: Simulator) -> Iterator[Start]:
    """Start walks of the large layout; at the end no session is open."""
    large.control.reset()
    clients: list[FileMakerClient] = []

    def begin(
        key_field: str | None,
        on_page: Callable[[WalkedPage], None] | None = None,
        sort: tuple[Sort, ...] = (),
        **options: Any,
    ) -> LayoutWalk:
        client = FileMakerClient(large.url, "Clinic", USER, PASSWORD, retry_wait_seconds=0.001, **options)
        clients.append(client)
        return walk_layout(client, LAYOUT, key_field, page_size=PAGE_SIZE_RECORDS, sort=sort, on_page=on_page)

    yield begin
    large.control.clear_faults()
    for client in clients:
        client.close()
    assert large.control.state()["sessions_open"] == 0


def on_the_server(simulator: Simulator) -> dict[str, dict[str, Any]]:
    """Return fields by record id as the server has them now, in one answer and without the client."""
    database = f"{simulator.url}/fmi/data/vLatest/databases/Clinic"
    reply = requests.post(f"{database}/sessions", json={}, auth=(USER, PASSWORD), timeout=WAIT_SECONDS)
    token = reply.json()["response"]["token"]
    records = requests.get(
        f"{database}/layouts/{LAYOUT}/records",
        params={"_limit": str(2 * RECORD_COUNT)},
        headers={"Authorization": f"Bearer {token}"},
        timeout=WAIT_SECONDS,
    ).json()["response"]["data"]
    requests.delete(f"{database}/sessions/{token}", timeout=WAIT_SECONDS)
    return {record["recordId"]: record["fieldData"] for record in records}


def read_out(walk: LayoutWalk) -> dict[str, dict[str, object]]:
    """Return fields by record id as a store would hold them; no reading of a record may come twice."""
    readings: Counter[tuple[str, str]] = Counter()
    held: dict[str, dict[str, object]] = {}
    for page in walk:
        readings.update((record.record_id, record.mod_id) for record in page.records)
        held.update((record.record_id, record.fields) for record in page.records)
    assert set(readings.values()) == {1}
    assert walk.summary.distinct_read == len(held)
    for record_id in walk.summary.vanished_record_ids:
        del held[record_id]
    return held


def random_change(dice: random.Random, last_request: int) -> dict[str, Any]:
    """Return a planned change: rows before and after the cursor are as likely, since keys are shuffled."""
    after_requests = dice.randint(1, last_request)
    change = {"layout": LAYOUT, "after_requests": after_requests}
    record_id = str(dice.randint(1, RECORD_COUNT))
    match dice.choice(["delete", "insert", "edit", "move"]):
        case "delete":
            return change | {"operation": "delete", "record_id": record_id}
        case "insert":
            return change | {"operation": "insert", "fields": {"id": f"{dice.randrange(RECORD_COUNT):06d}+"}}
        case "edit":
            return change | {"operation": "edit", "record_id": record_id, "fields": {"note": f"edited {dice.random()}"}}
        case _:
            key = f"{dice.randrange(RECORD_COUNT):06d}*"
            return change | {"operation": "edit", "record_id": record_id, "fields": {"id": key}}


@BOTH_KINDS
def test_an_undisturbed_walk_reads_each_record_once(key_field: str | None, large: Simulator, start: Start) -> None:
    walk = start(key_field)
    assert read_out(walk) == on_the_server(large)
    assert (walk.summary.rewalked, walk.summary.vanished_record_ids) == (0, ())


@BOTH_KINDS
@seeds(always=2, deep=40)
def test_rows_that_move_during_the_walk(seed: int, key_field: str | None, large: Simulator, start: Start) -> None:
    dice = random.Random(SEED + seed)
    large.control.between_pages([random_change(dice, PAGES_TO) for _ in range(CHANGES)])
    walk = start(key_field)
    assert read_out(walk) == on_the_server(large)
    assert walk.summary.rewalked >= 1
    assert large.control.state()["changes_pending"] == 0


@BOTH_KINDS
@seeds(always=1, deep=10)
def test_rows_that_never_stop_moving_are_told_with_counts(
    seed: int, key_field: str | None, large: Simulator, start: Start
) -> None:
    dice = random.Random(SEED + seed)
    churn = [
        {"layout": LAYOUT, "operation": "insert", "after_requests": number, "fields": {"id": f"{number:06d}+"}}
        for number in range(1, 20 * PAGES_TO)
    ]
    large.control.between_pages([*churn, *(random_change(dice, 10 * PAGES_TO) for _ in range(CHANGES))])
    walk = start(key_field)
    with pytest.raises(FileMakerMovedError) as raised:
        read_out(walk)
    assert f"found {RECORD_COUNT} at start" in str(raised.value)
    assert "distinct read, after 3 more readings" in str(raised.value)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = walk.summary


@pytest.mark.parametrize("steps", ["insert, delete", "delete, insert, delete"])
@pytest.mark.parametrize("at", range(PAGES_FROM, PAGES_FROM + 3))
def test_a_row_that_comes_and_goes_does_not_hide_another(at: int, steps: str, large: Simulator, start: Start) -> None:
    """A new row shifts the pages of a sorted walk, is read, and is gone at the end: sizes at both ends agree."""
    new_id = str(RECORD_COUNT + 1)
    key = f"{(at - PAGES_FROM + 1) * PAGE_SIZE_RECORDS + 5:06d}+"
    changes: list[dict[str, Any]] = [
        {"operation": "insert", "after_requests": at, "fields": {"id": key}},
        {"operation": "delete", "after_requests": at + 1, "record_id": new_id},
    ]
    if steps.startswith("delete"):
        changes.append({"operation": "delete", "after_requests": 1, "record_id": "77"})
    large.control.between_pages([{"layout": LAYOUT, **change} for change in changes])
    walk = start(None, sort=(Sort("id"),))
    assert read_out(walk) == on_the_server(large)
    assert walk.summary.rewalked == 1


@BOTH_KINDS
@seeds(always=2, deep=40)
def test_a_token_that_dies_at_any_request(seed: int, key_field: str | None, large: Simulator, start: Start) -> None:
    large.control.set_faults(kill_tokens_after=random.Random(SEED + seed).randrange(REQUESTS_AT_LEAST))
    walk = start(key_field, retry_attempts=1)
    assert read_out(walk) == on_the_server(large)
    assert walk.summary.rewalked == 0


@contextmanager
def once_held(simulator: Simulator, happen: Callable[[], object]) -> Iterator[None]:
    """Let something happen while a request is held, and let the request go on."""

    def work() -> None:
        if simulator.control.wait_until_held(LAYOUT, timeout_seconds=WAIT_SECONDS):
            happen()
            simulator.control.release()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@BOTH_KINDS
@seeds(always=1, deep=30)
def test_a_token_that_dies_in_the_middle_of_any_request(
    seed: int, key_field: str | None, large: Simulator, start: Start
) -> None:
    large.control.hold(LAYOUT, after_requests=random.Random(SEED + seed).randrange(REQUESTS_AT_LEAST))
    walk = start(key_field, retry_attempts=1)
    with once_held(large, large.control.kill_tokens):
        assert read_out(walk) == on_the_server(large)
    assert walk.summary.rewalked == 0


@BOTH_KINDS
@seeds(always=1, deep=20)
@pytest.mark.parametrize("fault", ["unavailable_requests", "dropped_requests", "truncated_responses"])
def test_a_server_that_fails_for_three_requests(
    fault: str, seed: int, key_field: str | None, large: Simulator, start: Start
) -> None:
    at = random.Random(SEED + seed).randint(1, RECORD_COUNT // PAGE_SIZE_RECORDS)

    def fail(page: WalkedPage) -> None:
        if page.number == at:
            large.control.set_faults(**{fault: 3})

    walk = start(key_field, fail, retry_attempts=4)
    assert read_out(walk) == on_the_server(large)
    assert large.control.state()["faults"][fault] == 0
    assert walk.summary.rewalked == 0


class ReleaseOnTimeOut(logging.Handler):
    """Lets held requests go on when the walk says that it asks for fewer records."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(logging.WARNING)
        self._simulator = simulator
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self._simulator.control.release()


@contextmanager
def released_on_time_out(simulator: Simulator) -> Iterator[list[str]]:
    handler = ReleaseOnTimeOut(simulator)
    logger = logging.getLogger("nexus_import.filemaker.pages")
    logger.addHandler(handler)
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)


@BOTH_KINDS
@pytest.mark.parametrize("page", [pytest.param(1, marks=pytest.mark.deep), 4])
def test_a_page_of_a_thousand_that_does_not_come_in_time(
    page: int, key_field: str | None, large: Simulator, start: Start
) -> None:
    large.control.hold(LAYOUT, after_requests=PAGES_FROM - 2 + page)
    walk = start(key_field, read_timeout_seconds=3.0)
    with released_on_time_out(large) as messages:
        pages = list(walk)
    assert messages == [f"{LAYOUT}: no answer in time; going on with 500 records a page"]
    sizes = [len(page.records) for page in pages]
    again = 1 if key_field else 0  # a page by key begins at the last key, which was read already
    expected = [PAGE_SIZE_RECORDS] * (page - 1) + [PAGE_SIZE_RECORDS // 2] * PAGES_BEFORE_GROWTH
    assert sizes[: len(expected)] == [expected[0], *(size - again for size in expected[1:])]
    assert sizes[len(expected)] > PAGE_SIZE_RECORDS // 2, "it grows back"
    read = [record.record_id for page in pages for record in page.records]
    assert len(read) == len(set(read))
    assert set(read) == on_the_server(large).keys()


@BOTH_KINDS
@seeds(always=1, deep=20)
def test_everything_at_once(seed: int, key_field: str | None, large: Simulator, start: Start) -> None:
    dice = random.Random(SEED + seed)
    large.control.between_pages([random_change(dice, PAGES_TO) for _ in range(CHANGES)])
    faults = ["unavailable_requests", "dropped_requests", "truncated_responses", "html_401_requests"]

    def trouble(page: WalkedPage) -> None:
        large.control.set_faults(**{dice.choice(faults): dice.randint(1, 2)})
        if dice.random() < 0.3:
            large.control.kill_tokens()

    assert read_out(start(key_field, trouble)) == on_the_server(large)
