"""The S3 server: what boto3 put is there again after a restart, also after a kill in mid-write."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator

import boto3
import pytest

from local.network import free_ports, is_listening
from local.nexus_database import REPOSITORY
from local.processes import Program, RunningProgram
from local.s3 import JOURNAL_NAME, Change, Journal

BUCKET = "nexus"
MULTIPART_BYTES = 20 * 1024 * 1024


class Server:
    def __init__(self, directory):
        self.directory = directory
        self.port = free_ports(1)[0]
        options = ("--port", str(self.port), "--directory", str(directory), "--bucket", BUCKET)
        command = (sys.executable, "-m", "local.s3", *options)
        self.program = Program("s3", command, directory / "s3.log", cwd=REPOSITORY)
        self.start()

    def start(self):
        self.running = RunningProgram(self.program)
        self.running.wait_until(lambda: is_listening(self.port), 30)

    def restart(self, end: Callable[[], None]):
        end()
        self.start()
        return self.client()

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.running.stop()


def facts(client, key, bucket=BUCKET):
    head = client.head_object(Bucket=bucket, Key=key)
    body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body, head["ContentType"], head["Metadata"], head["ETag"], head.get("ServerSideEncryption")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_objects_survive_a_restart_with_all_that_belongs_to_them(server, how):
    client = server.client()
    client.put_object(
        Bucket=BUCKET,
        Key="backups/a b/ü+.csv",
        Body=b"line\nbreaks\n",
        ContentType="text/csv",
        Metadata={"sha256": "abc"},
        ServerSideEncryption="AES256",
    )
    client.upload_fileobj(io.BytesIO(b"z" * MULTIPART_BYTES), BUCKET, "big")
    client.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/backups/a b/ü+.csv")
    client.create_bucket(Bucket="second")
    client.put_object(Bucket="second", Key="k", Body=b"")
    keys = ["backups/a b/ü+.csv", "big", "copy"]
    before = [facts(client, key) for key in keys] + [facts(client, "k", "second")]

    client = server.restart(getattr(server.running, how))

    assert [facts(client, key) for key in keys] + [facts(client, "k", "second")] == before


def test_deleted_and_overwritten_objects_stay_so_over_a_restart(server):
    client = server.client()
    for key in ("one", "many-1", "many-2", "changed"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"old")
    client.delete_object(Bucket=BUCKET, Key="one")
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "many-1"}, {"Key": "many-2"}]})
    client.put_object(Bucket=BUCKET, Key="changed", Body=b"new")

    client = server.restart(server.running.kill)

    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [(each["Key"], each["Size"]) for each in listed] == [("changed", 3)]
    assert facts(client, "changed")[0] == b"new"


def test_listing_gives_every_key_once_over_pages_prefixes_and_folders(server):
    client = server.client()
    keys = sorted(f"{folder}/{number:02}" for folder in ("a", "b/c", "b/d") for number in range(12))
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    def listed(**options):
        pages = client.get_paginator("list_objects_v2").paginate(
            Bucket=BUCKET, PaginationConfig={"PageSize": 5}, **options
        )
        keys, folders = [], []
        for page in pages:
            keys += [each["Key"] for each in page.get("Contents", [])]
            folders += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        return keys, folders

    assert listed() == (keys, [])
    assert listed(Prefix="b/") == ([key for key in keys if key.startswith("b/")], [])
    assert listed(Delimiter="/") == ([], ["a/", "b/"])
    assert listed(Prefix="b/", Delimiter="/") == ([], ["b/c/", "b/d/"])
    assert listed(StartAfter="b/d/09") == (["b/d/10", "b/d/11"], [])
    client.delete_object(Bucket=BUCKET, Key="a/00")
    assert listed(Prefix="a/")[0] == keys[1:12]


def test_last_change_of_a_journal_that_was_cut_off_is_dropped(tmp_path):
    journal = Journal(tmp_path / JOURNAL_NAME)
    journal.append(Change("put", BUCKET, "whole", size=4), b"body")
    journal.append(Change("put", BUCKET, "torn", size=4), b"bo")
    assert [(change.key, body) for change, body in journal.replay()] == [("whole", b"body")]
    journal.append(Change("put", BUCKET, "next", size=4), b"more")
    assert [change.key for change, _ in journal.replay()] == ["whole", "next"]


def test_objects_of_a_clinic_are_there_from_the_start(tmp_path):
    from local.clinic import iter_objects, make_clinic

    make_clinic(tmp_path / "clinic", scale=0.01)
    server = Server(tmp_path)
    server.running.stop()
    server.program = Program(
        "s3",
        (*server.program.command, "--clinic", str(tmp_path / "clinic")),
        server.program.log_file,
        cwd=REPOSITORY,
    )
    client = server.restart(server.running.stop)
    try:
        expected = {each.key: each for each in iter_objects(tmp_path / "clinic")}
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        assert {each["Key"] for page in pages for each in page["Contents"]} == set(expected)
        key, wanted = next(iter(expected.items()))
        assert facts(client, key)[:2] == (wanted.body, wanted.content_type)
        # a seeded object that was deleted does not come back
        client.delete_object(Bucket=BUCKET, Key=key)
        client = server.restart(server.running.stop)
        assert client.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"] == 0
        assert key not in json.dumps(client.list_objects_v2(Bucket=BUCKET), default=str)
    finally:
        server.running.stop()
