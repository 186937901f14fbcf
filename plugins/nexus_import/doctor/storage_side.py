"""The doctor's look at the object store: what the import does there, with one object that is removed again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nexus_import import clock
from nexus_import.core.doctor import Item, bad, good, skipped, warning
from nexus_import.doctor.asking import Examination, require_type
from nexus_import.phases.common import open_bucket
from nexus_import.settings import Settings

BODY = b"Written by python -m nexus_import.doctor, which removes it again."
TIMEOUT_SECONDS = 10
NO_RETRIES = Config(connect_timeout=TIMEOUT_SECONDS, read_timeout=TIMEOUT_SECONDS, retries={"total_max_attempts": 2})
POLICY_FILE = "deploy/policies/s3.json"


class StoreRefused(Exception):
    """The store did not do what it was asked; the text says what, and the store's code."""


@dataclass
class StorageSide:
    """Looks at the bucket; with `is_reading_only` nothing is written to it."""

    settings: Settings
    is_reading_only: bool = False
    ahead_seconds: float | None = None
    _client: Any = None
    _bucket: str = ""

    def examine(self, examination: Examination) -> None:
        """Look at everything, each thing after what it needs."""
        name = f"connection {self.settings.policy.connections.storage}"
        examination.look(name, lambda: self._connect(name))
        examination.look("bucket", self._reach, name)
        examination.look("files of Nexus", self._files, "bucket")
        if self.is_reading_only:
            written = skipped("backup folder", "nothing is written with --read-only")
            examination.look("backup folder", lambda: written)
        else:
            examination.look("backup folder", self._write, "bucket")
        examination.look("versions in the bucket", self._versions, "bucket")

    def _connect(self, name: str) -> Iterable[Item]:
        if wrong := list(require_type(name, self.settings.policy.connections.storage, "aws")):
            return wrong
        self._client, self._bucket = open_bucket(self.settings, NO_RETRIES)
        return [good(name, f"bucket {self._bucket} at {self._client.meta.endpoint_url}")]

    def _reach(self) -> Item:
        before = clock.now()
        try:
            answer = _asked("list it", lambda: self._list(f"{self.settings.policy.storage.prefix}/"))
        except StoreRefused as refusal:
            fix = f"correct address, bucket, key and region of the Airflow connection, or its rights ({POLICY_FILE})"
            return bad("bucket", f"{self._bucket}: the store refused to {refusal}", fix)
        if date := answer["ResponseMetadata"]["HTTPHeaders"].get("date"):
            middle = before + (clock.now() - before) / 2
            self.ahead_seconds = (parsedate_to_datetime(date) - middle) / timedelta(seconds=1)
        return good("bucket", f"{self._bucket} can be listed")

    def _list(self, prefix: str) -> Any:
        return self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1)

    def _files(self) -> Item:
        """Look whether phase 8 may list and read what Nexus keeps; one object of each folder is asked for its size."""
        folders = self.settings.policy.storage.file_prefixes
        try:
            empty = [folder for folder in folders if not self._holds_objects(folder)]
        except StoreRefused as refusal:
            fix = f"let the account list and read the folders of Nexus's files ({POLICY_FILE})"
            return bad("files of Nexus", f"the store refused to {refusal}", fix)
        if len(empty) == len(folders):
            fix = (
                "correct storage: file_prefixes in the policy, or the bucket: phase 8 compares these with Nexus's rows"
            )
            return warning("files of Nexus", f"{', '.join(folders)} hold nothing", fix)
        return good("files of Nexus", f"{len(folders) - len(empty)} of {len(folders)} folders hold objects")

    def _holds_objects(self, folder: str) -> bool:
        """Tell whether a folder holds an object that can be read; nothing of it but its size is asked for."""
        found = _asked(f"list {folder}", lambda: self._list(folder)).get("Contents", [])
        for entry in found:
            # its key may hold a person's name, and is said by nobody
            _asked(
                f"read an object of {folder}", partial(self._client.head_object, Bucket=self._bucket, Key=entry["Key"])
            )
        return bool(found)

    def _write(self) -> Item:
        storage = self.settings.policy.storage
        key = f"{storage.prefix}/doctor/{uuid.uuid4().hex}.txt"
        name = "backup folder"
        try:
            _asked("write into it", lambda: self._put(key))
        except StoreRefused as refusal:
            fix = (
                f"let the account write under {storage.prefix}/ with the encryption {storage.encryption} "
                f"({POLICY_FILE}), or correct storage in the policy"
            )
            return bad(name, f"{storage.prefix}/: the store refused to {refusal}", fix)
        try:
            return self._prove(name, key)
        except StoreRefused as refusal:
            fix = f"let the account read and remove under {storage.prefix}/ ({POLICY_FILE})"
            return bad(name, f"{storage.prefix}/: the store refused to {refusal}", fix)
        finally:
            with suppress(ClientError, BotoCoreError):
                self._client.delete_object(Bucket=self._bucket, Key=key)

    def _prove(self, name: str, key: str) -> Item:
        wanted = self.settings.policy.storage.encryption
        answer, body = _asked("read what was written", lambda: self._get(key))
        if body != BODY:
            fix = "do not run the import: the store does not keep what is written to it"
            return bad(name, "the object read back is another than was written", fix)
        if answer.get("ServerSideEncryption") != wanted:
            seen = f"written objects have the encryption {answer.get('ServerSideEncryption') or 'none'}, not {wanted}"
            return bad(name, seen, "turn on server-side encryption in the store, or correct storage: encryption")
        is_refused = self._refuses_overwrite(key)
        _asked("remove what was written", lambda: self._client.delete_object(Bucket=self._bucket, Key=key))
        if not is_refused:
            return warning(
                name,
                f"written, read and removed with {wanted}; a conditional overwrite is not refused",
                "nothing if no other program writes there: the import looks before it writes. Else use a store that "
                "honours If-None-Match",
            )
        return good(name, f"written, read and removed with {wanted}; an overwrite is refused")

    def _get(self, key: str) -> tuple[dict[str, Any], bytes]:
        answer = self._client.get_object(Bucket=self._bucket, Key=key)
        return answer, answer["Body"].read()

    def _put(self, key: str, **conditions: str) -> Any:
        return self._client.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=BODY,
            ContentType="text/plain",
            ServerSideEncryption=self.settings.policy.storage.encryption,
            **conditions,
        )

    def _refuses_overwrite(self, key: str) -> bool:
        try:
            self._put(key, IfNoneMatch="*")
        except ClientError as error:
            return error.response["Error"].get("Code") in {"PreconditionFailed", "412"}
        except BotoCoreError:
            return False
        return False

    def _versions(self) -> Iterator[Item]:
        name = "versions in the bucket"
        try:
            answer = _asked(
                "say whether it keeps versions", lambda: self._client.get_bucket_versioning(Bucket=self._bucket)
            )
        except StoreRefused as refusal:
            fix = f"allow s3:GetBucketVersioning ({POLICY_FILE}), or look in the store's console"
            yield warning(name, f"the store refused to {refusal}", fix)
            return
        if answer.get("Status") == "Enabled":
            yield good(name, "kept: an object that is overwritten or removed by mistake can be brought back")
        else:
            fix = f"aws s3api put-bucket-versioning --bucket {self._bucket} --versioning-configuration Status=Enabled"
            yield warning(name, "not kept: an object that somebody overwrites or removes is gone for good", fix)


def _asked(what: str, ask: Callable[[], Any]) -> Any:
    """Return the store's answer; raise `StoreRefused` with what was asked and the error's code, never its text."""
    try:
        return ask()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise StoreRefused(f"{what} ({code or type(error).__name__})") from error
    except BotoCoreError as error:
        raise StoreRefused(f"{what} ({type(error).__name__})") from error
