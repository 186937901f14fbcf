"""An S3 server for development and tests: moto's, with objects that survive a restart.

`python -m local.s3 --port 9000 --directory DIR --bucket nexus` serves on loopback. moto keeps everything in
memory; here each change is also appended to a journal in DIR before the answer is sent, and the journal is
replayed at the next start. Objects of a synthetic clinic (`--clinic DIR`) are put straight into memory, which
takes a second for tens of thousands of them; they are not in the journal because they come back the same way.

moto accepts wrong secrets and wrong checksums: what refuses those cannot be tested against it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import FakeKey, S3Backend, s3_backends
from werkzeug.serving import make_server

from local.network import LOOPBACK
from local.s3_listing import list_page

REGION = "us-east-1"
PARTITION = "aws"
JOURNAL_NAME = "objects.journal"
WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class SeedObject(Protocol):
    """What the server starts with: one object of the bucket."""

    @property
    def key(self) -> str:
        """Name of the object in the bucket."""

    @property
    def body(self) -> bytes:
        """Content of the object."""

    @property
    def content_type(self) -> str:
        """Its MIME type."""


@dataclass(frozen=True)
class Change:
    """One line of the journal; for "put" the body follows in `size` bytes."""

    operation: str
    bucket: str
    key: str = ""
    size: int = 0
    etag: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    encryption: str | None = None
    checksum_algorithm: str | None = None
    checksum_value: str | None = None
    checksum_type: str | None = None
    checksum_parts: int | None = None


class Journal:
    """The changes of the store, appended one after the other to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        path.touch(mode=0o600)

    def append(self, change: Change, body: bytes = b"") -> None:
        """Write one change; a change is either whole in the file or dropped by the next `replay`."""
        with self._lock, self._path.open("ab") as file:
            file.write(json.dumps(asdict(change)).encode() + b"\n" + body)

    def replay(self) -> Iterator[tuple[Change, bytes]]:
        """Yield all changes in order and cut off a last one that was not written to its end."""
        whole = 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                change = Change(**json.loads(line))
                body = file.read(change.size)
                if len(body) != change.size:
                    break
                whole = file.tell()
                yield change, body
        os.truncate(self._path, whole)


class PersistentStore:
    """moto's store of one account, with every change written to a journal.

    moto's request handlers add metadata after the object is stored. So a change is only noted while a request
    runs, and written when it is over, as the object is then.
    """

    def __init__(self, backend: S3Backend, journal: Journal) -> None:
        self._backend = backend
        self._journal = journal
        self._touched = threading.local()

    def restore(self, bucket: str, seed: Iterable[SeedObject]) -> None:
        """Fill the empty store: the bucket, its seed, and then what was changed in earlier lives."""
        self._backend.create_bucket(bucket, REGION)
        for each in seed:
            key = self._put(bucket, each.key, each.body)
            key.set_metadata({"Content-Type": each.content_type})
        for change, body in self._journal.replay():
            self._apply(change, body)

    def listen(self) -> None:
        """Note each change from now on; copies, multipart uploads and bulk deletes pass here as well."""
        put_object, delete_object = self._backend.put_object, self._backend.delete_object
        create_bucket = self._backend.create_bucket

        def put_and_note(bucket_name: str, key_name: str, *args: Any, **named: Any) -> FakeKey:
            self._note(bucket_name, key_name)
            return put_object(bucket_name, key_name, *args, **named)

        def delete_and_note(bucket_name: str, key_name: str, *args: Any, **named: Any) -> Any:
            self._note(bucket_name, key_name)
            return delete_object(bucket_name, key_name, *args, **named)

        def create_and_note(bucket_name: str, *args: Any, **named: Any) -> Any:
            bucket = create_bucket(bucket_name, *args, **named)
            self._journal.append(Change("create", bucket_name))
            return bucket

        # instance attributes: the store calls its own methods through them too
        self._backend.put_object = put_and_note  # type: ignore[method-assign]
        self._backend.delete_object = delete_and_note  # type: ignore[method-assign]
        self._backend.create_bucket = create_and_note  # type: ignore[method-assign]

    def wrap(self, application: WsgiApplication) -> WsgiApplication:
        """Return the WSGI application that writes its changes to the journal before it answers."""

        def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self._touched.keys = {}
            if (page := self._listing(environ)) is not None:
                start_response("200 OK", [("Content-Type", "application/xml")])
                return [page]
            answer = application(environ, start_response)
            for bucket, key in self._touched.keys:
                self._write(bucket, key)
            return answer

        return serve

    def _listing(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return a page of a plain bucket's listing, None when the request is for moto."""
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        name = environ.get("PATH_INFO", "").strip("/")
        is_listing = environ["REQUEST_METHOD"] == "GET" and query.get("list-type") == "2"
        if not is_listing or "HTTP_AUTHORIZATION" not in environ or name not in self._backend.buckets:
            return None
        bucket = self._backend.buckets[name]
        return None if bucket.is_versioned else list_page(name, bucket.keys, query)

    def _note(self, bucket: str, key: str) -> None:
        self._touched.keys[bucket, key] = None

    def _write(self, bucket: str, name: str) -> None:
        key = self._backend.get_object(bucket, name)
        if key is None:
            self._journal.append(Change("delete", bucket, name))
            return
        body = key.value
        change = Change(
            "put",
            bucket,
            name,
            size=len(body),
            etag=key.etag.strip('"'),
            metadata={str(header): str(value) for header, value in key.metadata.items()},
            encryption=key.encryption,
            checksum_algorithm=key.checksum_algorithm,
            checksum_value=key.checksum_value,
            checksum_type=key.checksum_type,
            checksum_parts=key.checksum_parts,
        )
        self._journal.append(change, body)

    def _apply(self, change: Change, body: bytes) -> None:
        if change.operation == "create":
            self._backend.create_bucket(change.bucket, REGION)
        elif change.operation == "delete":
            self._backend.delete_object(change.bucket, change.key)
        else:
            key = self._put(
                change.bucket,
                change.key,
                body,
                etag=change.etag,
                encryption=change.encryption,
                checksum_value=change.checksum_value,
            )
            key.checksum_algorithm = change.checksum_algorithm
            key.checksum_type = change.checksum_type
            key.checksum_parts = change.checksum_parts
            key.set_metadata(change.metadata)

    def _put(self, bucket: str, name: str, body: bytes, **attributes: Any) -> FakeKey:
        return self._backend.put_object(bucket, name, body, disable_notification=True, **attributes)


def serve(port: int, directory: Path, bucket: str, seed: Iterable[SeedObject] = ()) -> None:
    """Serve until SIGTERM or SIGINT; `directory` holds the journal."""
    store = PersistentStore(s3_backends[DEFAULT_ACCOUNT_ID][PARTITION], Journal(directory / JOURNAL_NAME))
    store.restore(bucket, seed)
    store.listen()
    application = store.wrap(DomainDispatcherApplication(create_backend_app))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server(LOOPBACK, port, application, threaded=True, request_handler=MotoRequestHandler)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown waits for the serving loop, which this very thread runs
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


def main() -> None:
    """Command line of the server."""
    parser = argparse.ArgumentParser(prog="python -m local.s3", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--directory", type=Path, required=True, help="where the journal of changes is kept")
    parser.add_argument("--bucket", required=True, help="bucket that exists from the start")
    parser.add_argument("--clinic", type=Path, help="directory of a synthetic clinic whose objects to serve")
    arguments = parser.parse_args()
    seed: Iterable[SeedObject] = ()
    if arguments.clinic:
        # only needed here: the server also runs without a clinic
        from local.clinic import iter_objects

        seed = iter_objects(arguments.clinic)
    serve(arguments.port, arguments.directory, arguments.bucket, seed)


if __name__ == "__main__":
    main()
