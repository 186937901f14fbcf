"""Snapshots on a real S3 server: pages, interrupted attempts, read-again records, and damage that is noticed."""

from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest
from nexus_import.errors import DataError
from nexus_import.snapshot import Progress, Snapshot, SnapshotRecord, read_snapshot
from nexus_import.storage import ObjectStore

RUN = "manual__2026-03-07T14:00:00+00:00"


@pytest.fixture
def client(parts: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=parts.s3_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="ap-southeast-2",
    )


@pytest.fixture
def store(client: Any) -> ObjectStore:
    return ObjectStore(client, "nexus", f"snapshot-{uuid.uuid4().hex}", "AES256")


def record(number: int, mod_id: int = 0, **fields: object) -> SnapshotRecord:
    return str(number), str(mod_id), {"id": f"K{number}", **fields}


def write(snapshot: Snapshot, number: int, *records: SnapshotRecord, is_reread: bool = False) -> None:
    """Write a page; tests that go on after it number their records in the order in which they come."""
    cursor = {"read_count": max((int(record_id) for record_id, _, _ in records), default=0)}
    snapshot.write_page(number, list(records), cursor, is_reread=is_reread)


def contents(store: ObjectStore, snapshot: Snapshot, *vanished: str) -> list[SnapshotRecord]:
    stored = snapshot.finish({"distinct_read": 1}, vanished)
    return list(read_snapshot(store, stored.key, stored.sha256))


def test_pages_come_back_in_order_with_every_character(store: ObjectStore) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    odd: dict[str, Any] = {"text": "Zoë 🦶 one\rtwo\n\x00\u2028", "cut": "\ud83d", "amount": 12.5, "empty": ""}
    write(snapshot, 1, record(1, **odd), record(2))
    write(snapshot, 2, record(3))
    assert contents(store, snapshot) == [record(1, **odd), record(2), record(3)]


def test_layout_without_records_is_an_empty_snapshot(store: ObjectStore) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    write(snapshot, 1)
    assert contents(store, snapshot) == []


def test_newest_reading_of_a_record_wins_and_each_comes_once(store: ObjectStore) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    write(snapshot, 1, record(1), record(2))
    write(snapshot, 2, record(2, 5, text="new"), is_reread=True)
    write(snapshot, 3, record(2, 6, text="newest"), record(9), is_reread=True)
    found = contents(store, snapshot)
    assert sorted(found) == [record(1), record(2, 6, text="newest"), record(9)]


def test_vanished_records_are_left_out(store: ObjectStore) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    write(snapshot, 1, record(1), record(2), record(3))
    write(snapshot, 2, record(3, 1), is_reread=True)
    assert contents(store, snapshot, "2", "3") == [record(1)]


def test_interrupted_attempt_goes_on_after_its_last_page(store: ObjectStore) -> None:
    killed = Snapshot.open(store, RUN, "note")
    assert killed.resume() is None
    write(killed, 1, record(1, 4), record(2))
    write(killed, 2, record(3, 7))

    again = Snapshot.open(store, RUN, "note")
    assert again.attempt == killed.attempt == 1
    assert again.resume() == Progress({"read_count": 3}, {"1": "4", "2": "0", "3": "7"})
    write(again, 3, record(4))
    assert [found[0] for found in contents(store, again)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("is_damaged", [False, True], ids=["lost", "damaged"])
def test_interrupted_attempt_that_lost_a_page_is_left_behind(
    store: ObjectStore, client: Any, lost: int, is_damaged: bool
) -> None:
    killed = Snapshot.open(store, RUN, "note")
    write(killed, 1, record(1))
    write(killed, 2, record(2))
    key = list(store.list_keys(store.key("snapshots")))[lost - 1]
    metadata = store.metadata(key)
    client.delete_object(Bucket=store.bucket, Key=key)
    if is_damaged:
        client.put_object(Bucket=store.bucket, Key=key, Body=b"", Metadata=metadata)

    again = Snapshot.open(store, RUN, "note")
    # what the store still lists is whole when it was the last page that it lost
    is_whole = lost == 2 and not is_damaged
    assert (again.resume() is None, again.attempt) == ((False, 1) if is_whole else (True, 2))
    if not is_whole:
        write(again, 1, record(1), record(2))
        assert contents(store, again) == [record(1), record(2)]


def test_finished_attempt_is_followed_by_another_and_stays(store: ObjectStore) -> None:
    first = Snapshot.open(store, RUN, "note")
    write(first, 1, record(1))
    stored = first.finish({}, ())
    second = Snapshot.open(store, RUN, "note")
    assert second.attempt == 2
    assert second.resume() is None
    write(second, 1, record(2))
    assert contents(store, second) == [record(2)]
    assert list(read_snapshot(store, stored.key, stored.sha256)) == [record(1)]


def test_entities_and_runs_do_not_meet(store: ObjectStore) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    write(snapshot, 1, record(1))
    snapshot.finish({}, ())
    assert Snapshot.open(store, RUN, "letter").attempt == 1
    assert Snapshot.open(store, "manual__other", "note").attempt == 1


@pytest.mark.parametrize("damaged", ["page", "manifest"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["changed", "lost"])
def test_damage_is_noticed_and_says_what_to_clear(store: ObjectStore, client: Any, damaged: str, is_lost: bool) -> None:
    snapshot = Snapshot.open(store, RUN, "note")
    write(snapshot, 1, record(1, text="secret"))
    stored = snapshot.finish({}, ())
    key = next(key for key in store.list_keys(store.key("snapshots")) if damaged in key)
    body = store.get_bytes(key)
    client.delete_object(Bucket=store.bucket, Key=key)
    if not is_lost:
        client.put_object(Bucket=store.bucket, Key=key, Body=body[:-1] + bytes([body[-1] ^ 1]))
    with pytest.raises(DataError, match=r"Clear phase_0_validate\.verify_filemaker") as caught:
        list(read_snapshot(store, stored.key, stored.sha256))
    assert key in str(caught.value)
    assert "secret" not in str(caught.value)
