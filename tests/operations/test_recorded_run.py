"""What a whole run leaves behind: no secret and no health data, and it asked S3 for what its policy allows alone."""

from __future__ import annotations

import io
import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from nexus_import.doctor.asking import Examination
from nexus_import.doctor.storage_side import StorageSide
from nexus_import.errors import StorageError
from nexus_import.phases.common import open_store
from nexus_import.settings import Settings

from tests.operations.recording import HOLDS_ROWS, Asked, Recording, asked_of_s3
from tests.support.restore_runs import make_restore_run
from tests.support.runs import load_dag

POLICY = Path(__file__).resolve().parents[2] / "deploy" / "policies" / "s3.json"
BUCKET_ARN = "arn:aws:s3:::BUCKET"
ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
}
"""The permission that AWS asks for, by the operation of boto3."""
LARGE_BYTES = 20 * 1024 * 1024


def statements() -> list[tuple[list[str], list[str]]]:
    """Return (actions, resources) of each statement of the policy."""

    def as_list(value: Any) -> list[str]:
        return [value] if isinstance(value, str) else list(value)

    found = json.loads(POLICY.read_text())["Statement"]
    return [(as_list(each["Action"]), as_list(each["Resource"])) for each in found]


def allows(asked: Asked) -> bool:
    resource = f"{BUCKET_ARN}/{asked.key}" if asked.key else BUCKET_ARN
    return any(
        ACTIONS[asked.operation] in actions and any(fnmatchcase(resource, pattern) for pattern in resources)
        for actions, resources in statements()
    )


class Breaking(io.RawIOBase):
    """A stream that ends in an error after more than one part was sent."""

    def __init__(self) -> None:
        self.left = LARGE_BYTES

    def read(self, size: int = -1, /) -> bytes:
        if self.left <= 0:
            raise OSError("the source is away")
        self.left -= size
        return b"x" * size


@pytest.fixture(scope="module")
def asked(recorded: Recording) -> list[Asked]:
    """All that is ever asked of S3: by an import, a restore with its own backup, the doctor, an upload that breaks."""
    assert recorded.run.is_green, recorded.run.last_words
    settings = Settings.load({})
    with asked_of_s3() as more:
        run = make_restore_run(recorded.installation, load_dag("restore_backup"), mode="restore").go()
        assert run.is_green, run.last_words
        StorageSide(settings).examine(Examination())
        store = open_store(settings)
        with pytest.raises((OSError, StorageError)):
            store.put_stream(store.key("backups", "broken", "x"), Breaking(), "text/csv")
        store.remove(store.put_bytes(store.key("reports", "old"), b"x", "text/plain").key)
    return recorded.asked + more


def test_everything_that_is_asked_of_s3_is_in_the_policy(asked: list[Asked]) -> None:
    assert {each.operation for each in asked} <= ACTIONS.keys()
    assert {each.operation for each in asked if not allows(each)} == set()


def test_the_policy_allows_nothing_that_is_not_asked_for(asked: list[Asked]) -> None:
    used = {(ACTIONS[each.operation], f"{BUCKET_ARN}/{each.key}" if each.key else BUCKET_ARN) for each in asked}
    unused = [
        (action, pattern)
        for actions, patterns in statements()
        for action in actions
        for pattern in patterns
        if not any(action == one and fnmatchcase(resource, pattern) for one, resource in used)
    ]
    assert unused == []


def test_connections_of_a_secrets_backend_carry_a_whole_run(recorded: Recording) -> None:
    assert recorded.run.is_green, recorded.run.last_words


def test_no_secret_is_in_what_a_run_leaves_behind(recorded: Recording) -> None:
    assert len(recorded.secrets) >= 7
    assert all(len(secret) > 8 for secret in recorded.secrets)
    assert {"log", "xcoms", "templates", "mails", "report report.html", "journal run"} <= recorded.texts.keys()
    assert all(recorded.texts[place] for place in ("log", "xcoms", "templates", "mails", "report report.html"))
    assert recorded.leaks() == {}


def test_no_health_data_is_in_what_a_run_leaves_behind(recorded: Recording) -> None:
    """But for the rows as they were before the publish, which stay in Nexus's own database for the undo."""
    rows = recorded.installation.value("SELECT count(*) FROM nexus_import.before_image")
    assert rows
    assert {"before_image"} == HOLDS_ROWS
    assert recorded.personal() == {}
