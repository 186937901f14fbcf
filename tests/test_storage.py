"""Objects on a real S3 server: streams, checksums, encryption, and nothing ever overwritten."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp
from nexus_import.errors import BackupError, StorageError
from nexus_import.storage import SMALL_BYTES, ObjectStore, read_times_quickly, read_timestamp

from local.network import free_ports

BUCKET = "nexus"
BIGGER_THAN_A_PART = 9 * 1024 * 1024


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
    return ObjectStore(client, BUCKET, f"storage-{uuid.uuid4().hex}", "AES256")


def test_keys_stand_under_the_prefix(store: ObjectStore) -> None:
    assert store.key("backups", "run", "001") == f"{store.prefix}/backups/run/001"


@pytest.mark.parametrize("size", [0, 1, BIGGER_THAN_A_PART])
def test_stream_arrives_whole_with_its_checksum(store: ObjectStore, size: int) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    stored = store.put_stream(store.key("stream"), io.BytesIO(body[:size]), "text/csv")
    assert store.get_bytes(stored.key) == body[:size]
    assert (stored.byte_count, stored.sha256) == (size, hashlib.sha256(body[:size]).hexdigest())


class Drops:
    """A stream that gives less than it is asked for, as a network does."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def read(self, size: int = -1, /) -> bytes:
        return self._body.read(min(size, 100_000) if size >= 0 else size)


@pytest.mark.parametrize("size", [SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1])
def test_stream_in_drops_arrives_whole_at_the_size_where_parts_begin(store: ObjectStore, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    stored = store.put_stream(store.key("drops"), Drops(body), "text/csv")
    assert store.get_bytes(stored.key) == body
    assert (stored.byte_count, stored.sha256) == (size, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(
    "written",
    [
        "2026-09-01T01:02:03.000Z",
        "2026-09-01T01:02:03+00:00",
        "Tue, 01 Sep 2026 01:02:03 GMT",
        1788224523,
        "1788224523",
        "20260901T010203Z",
        "2026-09-01",
        "20260901",  # seconds since 1970
        "2026-09-01 01:02:03",
    ],
)
def test_times_are_read_as_botocore_reads_them(written: Any) -> None:
    assert read_timestamp(written) == parse_timestamp(written)


def test_listing_is_read_with_its_times(store: ObjectStore, parts: Any) -> None:
    store.put_bytes(store.key("one"), b"1", "text/plain")
    session = boto3.Session("test", "test", region_name="ap-southeast-2")
    read_times_quickly(session)
    quick = ObjectStore(session.client("s3", endpoint_url=parts.s3_url), BUCKET, store.prefix, "AES256")
    assert list(quick.list_objects(store.prefix)) == list(store.list_objects(store.prefix))
    assert {type(entry.written_at.tzinfo).__name__ for entry in quick.list_objects(store.prefix)} == {"timezone"}


def test_objects_are_encrypted_and_typed(store: ObjectStore, client: Any) -> None:
    store.put_stream(store.key("stream"), io.BytesIO(b"x"), "text/csv")
    store.put_bytes(store.key("bytes"), b"x", "text/html")
    for name, content_type in (("stream", "text/csv"), ("bytes", "text/html")):
        head = client.head_object(Bucket=BUCKET, Key=store.key(name))
        assert (head["ServerSideEncryption"], head["ContentType"]) == ("AES256", content_type)


def test_small_object_keeps_its_checksum_and_metadata(store: ObjectStore) -> None:
    stored = store.put_bytes(store.key("small"), b"body", "text/plain", {"page": "1"})
    assert store.metadata(stored.key) == {"page": "1", "sha256": hashlib.sha256(b"body").hexdigest()}
    assert stored.sha256 == store.metadata(stored.key)["sha256"]


def test_json_comes_back(store: ObjectStore) -> None:
    stored = store.put_json(store.key("j.json"), {"rows": [1, None, "ü"]})
    assert json.loads(store.get_bytes(stored.key)) == {"rows": [1, None, "ü"]}


def test_nothing_is_overwritten(store: ObjectStore) -> None:
    key = store.key("once")
    store.put_bytes(key, b"first", "text/plain")
    for attempt in (
        lambda: store.put_bytes(key, b"second", "text/plain"),
        lambda: store.put_stream(key, io.BytesIO(b"second"), "text/plain"),
        lambda: store.put_json(key, "second"),
    ):
        with pytest.raises(BackupError, match=f"s3://{BUCKET}/{key} exists already and is never overwritten"):
            attempt()
    assert store.get_bytes(key) == b"first"


class Forbidden:
    """A bucket that the account may not look into."""

    def head_object(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "403"}, "ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadObject")


def test_absence_is_told(store: ObjectStore) -> None:
    store.put_bytes(store.key("here"), b"", "text/plain")
    assert store.exists(store.key("here"))
    assert not store.exists(store.key("gone"))


def test_missing_right_is_not_taken_for_absence() -> None:
    with pytest.raises(StorageError, match=r"look for k \(ClientError 403\)"):
        ObjectStore(Forbidden(), BUCKET, "p", "AES256").exists("k")


def test_server_that_is_down_is_a_sentence() -> None:
    down = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{free_ports(1)[0]}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="ap-southeast-2",
        config=Config(retries={"max_attempts": 0}),
    )
    store = ObjectStore(down, BUCKET, "p", "AES256")
    for attempt in (
        lambda: store.get_bytes("k"),
        lambda: store.exists("k"),
        lambda: store.metadata("k"),
        lambda: list(store.list_keys("k")),
        lambda: store.put_bytes("k", b"", "text/plain"),
    ):
        with pytest.raises(StorageError, match=r"\(EndpointConnectionError\)\. Is it running\?"):
            attempt()


def test_listing_goes_over_pages_in_order(store: ObjectStore, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus_import.storage.PAGE_KEYS", 2)
    keys = [store.key("list", f"{number:02d}") for number in range(5)]
    for key in reversed(keys):
        store.put_bytes(key, b"", "text/plain")
    store.put_bytes(store.key("beside"), b"", "text/plain")
    assert list(store.list_keys(store.key("list", ""))) == keys
    assert list(store.list_keys(store.key("nothing", ""))) == []
