"""The object store refuses, is slow, loses what it took, or ends in the middle: the run says so and goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.troubles import (
    Trouble,
    answer_unavailable,
    asks_nexus,
    asks_store,
    meet,
    published_count,
)
from tests.support.installation import BUCKET, Installation
from tests.support.runs import Run
from tests.support.wire import cut_in_half
from tests.support.wired import Always, wired

BACK_UP = "phase_0_validate.back_up_database"
READ_AGAIN = "phase_0_validate.verify_filemaker"
STAGE = "phase_0_validate.stage_records"
PUBLISH = "publish.publish_plan"
REPORT = "end.write_report"
MAKES_A_PLAN = b"INSERT INTO nexus_import.plan "


class Store:
    """The object store as somebody else sees it, who removes and changes objects."""

    def __init__(self, installation: Installation) -> None:
        self._client = installation.s3()

    def keys(self, run: Run, *names: str) -> list[str]:
        """Return the keys of the run's objects that hold these names."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="nexus-import/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [key for key in keys if run.run_id in key and all(name in key for name in names)]

    def lose(self, run: Run, *names: str) -> None:
        """Lose the newest of these objects."""
        self._client.delete_object(Bucket=BUCKET, Key=self.keys(run, *names)[-1])

    def lose_all(self, run: Run, *names: str) -> None:
        """Lose all of these objects."""
        for key in self.keys(run, *names):
            self._client.delete_object(Bucket=BUCKET, Key=key)

    def halve(self, run: Run, *names: str) -> None:
        """Keep half of the newest of these objects."""
        key = self.keys(run, *names)[-1]
        body = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        self._client.put_object(Bucket=BUCKET, Key=key, Body=body[: len(body) // 2])


@pytest.fixture
def quick_to_give_up(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's client asks once more instead of four times."""
    environment = installation.environment

    def changed() -> dict[str, str]:
        values = environment()
        connection = json.loads(values["AIRFLOW_CONN_NEXUS_S3"])
        connection["extra"]["config_kwargs"] = {"retries": {"max_attempts": 1}}
        return values | {"AIRFLOW_CONN_NEXUS_S3": json.dumps(connection)}

    monkeypatch.setattr(installation, "environment", changed)


@pytest.mark.usefixtures("quick_to_give_up")
def test_store_that_fails_in_every_way_before_the_publish(installation: Installation, new_run: Any) -> None:
    """One run that meets one trouble after the other, is cleared as it says, and ends published."""
    store, run = Store(installation), new_run()

    for trouble in (
        Trouble(
            "refuses an object of the backup",
            asks_store(b"PUT", b"appointments.csv.zst"),
            answer_unavailable,
            BACK_UP,
            "The object store failed to write nexus-import/backups/",
            is_lasting=True,
        ),
        Trouble(
            "loses an object of the backup",
            asks_store(b"PUT", b"xero_sync_logs.csv.zst"),
            lambda _: store.lose(run, "/patients.csv.zst"),
            BACK_UP,
            "took the backup and did not keep it: 1 of its",
        ),
        Trouble(
            "keeps half of an object of the backup",
            asks_store(b"PUT", b"xero_sync_logs.csv.zst"),
            lambda _: store.halve(run, "/patients.csv.zst"),
            BACK_UP,
            "took the backup and did not keep it: 1 of its",
        ),
        Trouble(
            "refuses a page of the snapshot",
            asks_store(b"PUT", b"/note/"),
            answer_unavailable,
            "phase_0_validate.fetch_notes",
            "The object store failed to write nexus-import/snapshots/",
            is_lasting=True,
        ),
        Trouble(
            "loses a page of the snapshot",
            asks_store(b"PUT", b"/note/", b"manifest"),
            lambda _: store.lose(run, "/snapshots/", "/note/", "page-"),
            STAGE,
            "has gone from the object store",
            clear=READ_AGAIN,
        ),
        Trouble(
            "loses the manifest of a snapshot",
            asks_store(b"PUT", b"/note/", b"manifest"),
            lambda _: store.lose(run, "/snapshots/", "/note/", "manifest"),
            STAGE,
            "has gone from the object store",
            clear=READ_AGAIN,
        ),
        Trouble(
            "ends in the middle of a page",
            asks_store(b"GET", b"/patient/", b"page-"),
            cut_in_half,
            STAGE,
            "The object store failed to read nexus-import/snapshots/",
            is_lasting=True,
        ),
        Trouble(
            "loses the manifest of the backup",
            asks_nexus(MAKES_A_PLAN),
            lambda _: store.lose(run, "/backups/", "manifest"),
            PUBLISH,
            "The backup that this plan stands on is not whole: its manifest has gone.",
            clear=BACK_UP,
        ),
        Trouble(
            "loses an object of the backup later",
            asks_nexus(MAKES_A_PLAN),
            lambda _: store.lose(run, "/backups/", "/notes.csv.zst"),
            PUBLISH,
            "The backup that this plan stands on is not whole: 1 of its",
            clear=BACK_UP,
        ),
        Trouble(
            "forgets every backup of the run, as if expired",
            asks_nexus(MAKES_A_PLAN),
            lambda _: store.lose_all(run, "/backups/"),
            PUBLISH,
            "The backup that this plan stands on is not whole: its manifest has gone.",
            clear=BACK_UP,
        ),
    ):
        meet(run, trouble)
    assert run.go().is_green
    assert published_count(run) == 1
    backups = installation.value("SELECT max(attempt) FROM nexus_import.backup WHERE run_id = %s", run.run_id)
    assert store.keys(run, "/backups/", f"/{backups:03d}/", "manifest.json")


@pytest.mark.usefixtures("quick_to_give_up")
def test_report_that_cannot_be_stored_changes_no_verdict(planned_run: Run, published: dict[str, str]) -> None:
    installation = planned_run.installation
    refused = Always(asks_store(b"PUT", b"/reports/"), answer_unavailable)
    with wired(installation, refused):
        planned_run.go()
    assert refused.has_happened
    assert planned_run.states[REPORT] == "failed"
    assert "The object store failed to write nexus-import/reports/" in str(planned_run.errors[REPORT])
    assert planned_run.is_green
    assert installation.value("SELECT verdict FROM nexus_import.run") == "Published and verified"
    assert installation.live(without_times=True) == published
    after = installation.live()
    planned_run.clear(REPORT).go()
    assert planned_run.states[REPORT] == "success"
    assert planned_run.is_green
    assert installation.live() == after
