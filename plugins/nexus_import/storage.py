"""Objects on S3: backups, snapshots and reports, each with its SHA-256, none ever overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from boto3 import Session
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.utils import parse_timestamp

from nexus_import.errors import BackupError, StorageError

PAGE_KEYS = 1000
SMALL_BYTES = 8 << 20
"""What is written in one request, without the threads of an upload in parts; the size of a part, too."""


class Readable(Protocol):
    """A binary stream that is read once."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""


@dataclass(frozen=True)
class StoredObject:
    """An object as it was written: its key, SHA-256 in hex and size in bytes."""

    key: str
    sha256: str
    byte_count: int


@dataclass(frozen=True)
class ListedObject:
    """An object as a listing shows it: its key, size in bytes and when it was written."""

    key: str
    byte_count: int
    written_at: datetime


@contextmanager
def _worded(what: str) -> Iterator[None]:
    """Turn boto's errors into one sentence; its own may hold whole requests."""
    try:
        yield
    except (BotoCoreError, ClientError, S3UploadFailedError) as error:
        code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
        raise StorageError(
            f"The object store failed to {what} ({' '.join((type(error).__name__, code)).strip()}). Is it running? "
            "Are address, bucket and key of its Airflow connection right? Then clear this task with downstream."
        ) from error


def _is_absent(error: BaseException | None) -> bool:
    return isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def read_timestamp(value: Any) -> datetime:
    """Return a time as S3 writes it; what is not plain ISO 8601 with its zone is left to botocore.

    botocore's own way takes a quarter of a millisecond: minutes for a listing of a million objects.
    """
    if isinstance(value, str):
        with suppress(ValueError):
            read = datetime.fromisoformat(value)
            if read.tzinfo is not None:
                return read
    return parse_timestamp(value)


def read_times_quickly(session: Session) -> None:
    """Let the clients that this session makes read times by `read_timestamp`."""
    session._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_timestamp)


class HashingReader:
    """Passes a stream on, counts its bytes and hashes them."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.byte_count = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        block = self._source.read(size)
        self._digest.update(block)
        self.byte_count += len(block)
        return block

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was read so far."""
        return self._digest.hexdigest()


class _Rejoined:
    """A stream whose beginning was read already."""

    def __init__(self, begin: bytes, rest: Readable) -> None:
        self._begin = memoryview(begin)
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        if not self._begin:
            return self._rest.read(size)
        if size < 0:
            part, self._begin = bytes(self._begin), self._begin[:0]
            return part + self._rest.read()
        part, self._begin = bytes(self._begin[:size]), self._begin[size:]
        return part


def _read_fully(source: Readable, size: int) -> bytes:
    """Return the first `size` bytes, fewer only when the stream ends before: one read may give less than it could."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _WordedReader:
    """A body as it comes over the network: a connection that is lost halfway is said in one sentence, too."""

    def __init__(self, body: Readable, key: str) -> None:
        self._body = body
        self._key = key

    def read(self, size: int = -1, /) -> bytes:
        with _worded(f"read {self._key}"):
            return self._body.read(None if size < 0 else size)  # type: ignore[arg-type]  # botocore's word for all


class ObjectStore:
    """One bucket, and the prefix under which the import writes."""

    def __init__(self, client: Any, bucket: str, prefix: str, encryption: str) -> None:
        """Take a boto3 S3 client; `encryption` is the server-side encryption of every object written."""
        self._client = client
        self.bucket = bucket
        self.prefix = prefix
        self._encryption = encryption

    def key(self, *parts: str) -> str:
        """Return the key of an object of the import."""
        return "/".join((self.prefix, *parts))

    def put_stream(self, key: str, source: Readable, content_type: str) -> StoredObject:
        """Write a stream of unknown length, in parts if it is long; memory stays bounded."""
        self._refuse_overwrite(key)
        reader = HashingReader(source)
        begin = _read_fully(reader, SMALL_BYTES)
        kept: dict[str, Any] = {"ServerSideEncryption": self._encryption, "ContentType": content_type}
        with _worded(f"write {key}"):
            if len(begin) < SMALL_BYTES:
                self._client.put_object(Bucket=self.bucket, Key=key, Body=begin, **kept)
            else:
                self._client.upload_fileobj(_Rejoined(begin, reader), self.bucket, key, ExtraArgs=kept)
        return StoredObject(key, reader.hexdigest(), reader.byte_count)

    def put_bytes(
        self, key: str, body: bytes, content_type: str, metadata: dict[str, str] | None = None
    ) -> StoredObject:
        """Write a small object; its SHA-256 is kept in its metadata too."""
        self._refuse_overwrite(key)
        digest = hashlib.sha256(body).hexdigest()
        with _worded(f"write {key}"):
            self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=body,
                ContentType=content_type,
                ServerSideEncryption=self._encryption,
                Metadata={**(metadata or {}), "sha256": digest},
            )
        return StoredObject(key, digest, len(body))

    def put_json(self, key: str, content: Any) -> StoredObject:
        """Write a JSON object."""
        return self.put_bytes(key, json.dumps(content, indent=1, default=str).encode(), "application/json")

    def get_bytes(self, key: str, *, shown: str | None = None) -> bytes:
        """Read an object whole; an error says `shown` in place of its key."""
        with _worded(f"read {shown or key}"):
            body: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def find_bytes(self, key: str, *, shown: str | None = None) -> bytes | None:
        """Read an object whole, None when it is not there; an error says `shown` in place of its key."""
        try:
            return self.get_bytes(key, shown=shown)
        except StorageError as error:
            if _is_absent(error.__cause__):
                return None
            raise

    @contextmanager
    def open_stream(self, key: str) -> Iterator[Readable]:
        """Read an object as a stream: memory stays bounded, whatever its size."""
        with _worded(f"read {key}"):
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
        with closing(body):
            yield _WordedReader(body, key)

    def exists(self, key: str) -> bool:
        """Tell whether the object is there."""
        with _worded(f"look for {key}"):
            try:
                self._client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if _is_absent(error):
                    return False
                raise
        return True

    def metadata(self, key: str) -> dict[str, str]:
        """Return the object's own metadata."""
        with _worded(f"read {key}"):
            found: dict[str, str] = self._client.head_object(Bucket=self.bucket, Key=key)["Metadata"]
        return found

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys under a prefix in order."""
        return (entry.key for entry in self.list_objects(prefix))

    def list_objects(self, prefix: str) -> Iterator[ListedObject]:
        """Yield what is under a prefix, ordered by key; one request for a thousand objects."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix, PaginationConfig={"PageSize": PAGE_KEYS}
        )
        with _worded(f"list {prefix}"):
            for page in pages:
                for entry in page.get("Contents", []):
                    yield ListedObject(entry["Key"], entry["Size"], entry["LastModified"])

    def remove(self, key: str) -> None:
        """Remove an object for good; only retention does."""
        with _worded(f"remove {key}"):
            self._client.delete_object(Bucket=self.bucket, Key=key)

    def _refuse_overwrite(self, key: str) -> None:
        if self.exists(key):
            raise BackupError(f"s3://{self.bucket}/{key} exists already and is never overwritten.")
