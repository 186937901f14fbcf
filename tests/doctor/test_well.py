"""What the doctor says about a deployment that is well."""

from __future__ import annotations

import re

from tests.doctor.deployment import Deployment

ITEMS = [
    "policy",
    "mapping files",
    "schedule",
    "Airflow's database",
    "DAG",
    "pool",
    "operators",
    "secrets",
    "Airflow's settings",
    "connection nexus_db",
    "connection nexus_db_backup",
    "connection nexus_db_restore",
    "one database",
    "database server",
    "rights of nexus_db",
    "rights of nexus_db_backup",
    "rights of nexus_db_restore",
    "hold_still",
    "mapping and Nexus",
    "schema guard",
    "working copy",
    "connection nexus_s3",
    "bucket",
    "files of Nexus",
    "backup folder",
    "versions in the bucket",
    "connection filemaker_default",
    "FileMaker",
    "layouts and fields",
    "connection smtp_default",
    "mail server",
    "application",
    "clocks",
]


def test_everything_is_looked_at_and_nothing_is_wrong(deployment: Deployment) -> None:
    before = deployment.installation.live(), deployment.objects()
    code, lines = deployment.ask()
    assert code == 0
    assert [line.name for line in lines] == ITEMS
    # what one machine cannot have: a database of Airflow's own, accounts for many, a bucket with versions
    warned = {line.name: line.fix for line in lines if line.mark == "⚠"}
    assert warned.keys() == {"Airflow's database", "Airflow's settings", "versions in the bucket"}
    assert all(warned.values())
    assert [line.name for line in lines if line.mark == "–"] == ["application"]
    assert (deployment.installation.live(), deployment.objects()) == before


def test_nothing_is_written_when_it_may_only_read(deployment: Deployment) -> None:
    with deployment.watched_store() as requests:
        code, lines = deployment.ask("--read-only")
    assert code == 0
    assert [line.name for line in lines if line.mark == "–"] == ["backup folder", "application"]
    assert requests
    assert [line for line in requests if not line.startswith(("GET", "HEAD"))] == []


def test_no_secret_and_no_record_is_said(deployment: Deployment) -> None:
    _, lines = deployment.ask()
    said = "\n".join(map(str, lines))
    for secret in deployment.secrets():
        assert secret not in said
    personal = (deployment.installation.parts.clinic / "personal_values.txt").read_text().splitlines()
    assert [value for value in personal if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", said)] == []
