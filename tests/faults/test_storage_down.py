"""The object store is away when the backup is taken: nothing is read, nothing is changed, and clearing goes on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nexus_import.errors import StorageError

from local.network import LOOPBACK, free_ports

CONNECTION = "AIRFLOW_CONN_NEXUS_S3"
BACK_UP = "phase_0_validate.back_up_database"


def test_a_backup_that_cannot_be_stored_stops_the_run(
    installation: Any, new_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = installation.live()
    working = installation.environment()[CONNECTION]
    broken = json.loads(working)
    closed_port = free_ports(1)[0]
    broken["extra"]["service_config"]["s3"]["endpoint_url"] = f"http://{LOOPBACK}:{closed_port}"
    monkeypatch.setenv(CONNECTION, json.dumps(broken))
    run = new_run(mode="rehearse").go()
    assert isinstance(run.errors[BACK_UP], StorageError)
    assert "Is it running?" in str(run.errors[BACK_UP])
    # the report cannot be stored either; the verdict is spoken all the same
    assert run.states["end.write_report"] == "failed"
    assert f"Clear {BACK_UP} with downstream" in run.last_words
    assert installation.value("SELECT count(*) FROM nexus_import.backup") == 0
    assert installation.simulator.control.state()["requests_total"] == 0
    assert installation.live() == before

    monkeypatch.setenv(CONNECTION, working)
    run.clear(BACK_UP).go()
    assert run.is_green
    assert installation.value("SELECT count(*) FROM nexus_import.backup WHERE run_id = %s", run.run_id) == 1
