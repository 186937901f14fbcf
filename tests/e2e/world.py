"""The shared stack as the stories see it: Nexus, FileMaker, the mails and the bucket, as they were before any run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import psycopg
import requests
from psycopg import sql

from local.addresses import REGION
from local.nexus_database import DATABASE, OWNER, NexusDatabase
from local.stack import Stack
from tests.e2e.import_run import DAG_ID, ImportRun

TEMPLATE = "nexus_as_delivered"
REQUEST_SECONDS = 30
HELD_SECONDS = 120.0
POLL_SECONDS = 0.05
DEFAULTS = {"mode": "publish", "approval": "when_unusual", "nexus_only": "keep"}


class World:
    """One stack, put back to its beginning for each story."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = stack.airflow
        self.viewer = stack.viewer
        self.truth: dict[str, Any] = json.loads((stack.clinic_dir / "truth.json").read_text())

    @property
    def nexus(self) -> NexusDatabase:
        """Return the Nexus database."""
        assert self.stack.nexus is not None
        return self.stack.nexus

    def keep_beginning(self) -> None:
        """Copy Nexus as it is now; `reset` goes back to it."""
        self.nexus.cluster.create_database(TEMPLATE, OWNER, template=DATABASE)

    def reset(self) -> None:
        """End what still runs, and put Nexus and FileMaker back to the beginning."""
        for run in self.client.runs(DAG_ID):
            if run["state"] not in {"success", "failed"}:
                path = f"dags/{DAG_ID}/dagRuns/{quote(run['dag_run_id'], safe='')}"
                self.client.request("PATCH", path, json={"state": "failed"})
        with self.nexus.cluster.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        self.nexus.cluster.create_database(DATABASE, OWNER, template=TEMPLATE)
        self.filemaker("POST", "reset")

    def start(self, **params: str) -> ImportRun:
        """Trigger the import as the administrator; parameters default to a publish."""
        return ImportRun(self.client, self.client.trigger(DAG_ID, DEFAULTS | params))

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a superuser connection to Nexus that commits each statement."""
        with self.nexus.cluster.connect(DATABASE) as connection:
            yield connection

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a query finds in Nexus."""
        with self.connect() as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def live(self) -> dict[str, str]:
        """Return number and digest of the rows of every live table."""
        digest = sql.SQL(
            "SELECT count(*) || ':' || COALESCE(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t"
        )
        with self.connect() as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            return {
                name: connection.execute(digest.format(sql.Identifier("public", name))).fetchall()[0][0]
                for (name,) in tables
            }

    def filemaker(self, method: str, path: str, content: Any = None) -> dict[str, Any]:
        """Call the simulator's control API."""
        url = f"{self.stack.addresses.filemaker_control_url}/{path}"
        answer = requests.request(method, url, json=content, timeout=REQUEST_SECONDS)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def wait_until_filemaker_holds(self, layout: str) -> None:
        """Wait until a request for a layout's records is held up."""
        deadline = time.monotonic() + HELD_SECONDS
        while not self.filemaker("GET", "state")["held"].get(layout):
            assert time.monotonic() < deadline, f"nobody asked FileMaker for {layout}"
            time.sleep(POLL_SECONDS)

    def filemaker_records(self, layout: str) -> list[dict[str, Any]]:
        """Return the records of a layout as they were loaded."""
        path = self.stack.clinic_dir / "filemaker" / f"{quote(layout, safe='')}.json"
        records: list[dict[str, Any]] = json.loads(path.read_text())["records"]
        return records

    def mails(self, run: ImportRun) -> dict[str, str]:
        """Return the text of each mail that links to the run, by subject."""
        found = {}
        for path in sorted(Path(self.stack.addresses.mail_dir).glob("*.eml")):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = mail.get_body(("html", "plain"))
            text = body.get_content() if body else ""
            if quote(run.run_id, safe="") in text:
                found[str(mail["Subject"])] = text
        return found

    def assets_told_by(self, run: ImportRun) -> list[str]:
        """Return the names of the assets that other DAGs were told of by a run."""
        events = self.client.request("GET", "assets/events", params={"source_run_id": run.run_id})["asset_events"]
        return [event["name"] for event in events]

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Return the objects of the bucket whose key starts with `prefix`."""
        places = self.stack.addresses
        s3: Any = boto3.client(
            "s3",
            endpoint_url=places.s3_endpoint,
            aws_access_key_id=places.aws_access_key_id,
            aws_secret_access_key=places.aws_secret_access_key,
            region_name=REGION,
        )
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=places.s3_bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=places.s3_bucket, Key=key)["Body"].read() for key in keys}

    def personal_values(self, text: str) -> list[str]:
        """Return the clinic's personal values that stand in the text as whole words."""
        values = (self.stack.clinic_dir / "personal_values.txt").read_text().splitlines()
        return [value for value in values if value in text and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text)]

    def task_logs(self, run: ImportRun) -> str:
        """Return everything the tasks of the run wrote to their logs, with no character escaped."""
        folder = self.stack.directory / "airflow" / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
        lines = [line for path in sorted(folder.rglob("*.log")) for line in path.read_text().splitlines()]
        return "\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines)
