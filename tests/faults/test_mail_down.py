"""The mail server is away: the import goes on and says so in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from local.network import free_ports
from tests.support.installation import mail_connection


def test_a_mail_server_that_is_down_fails_no_run(
    installation: Any, new_run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(free_ports(1)[0]))
    with caplog.at_level(logging.WARNING, "nexus_import"):
        run = new_run(mode="rehearse").go()
    assert run.errors == {}
    assert run.is_green
    unsent = [record.getMessage().split("'")[1] for record in caplog.records if "could not be sent" in record.msg]
    assert unsent == ["started (rehearse)", "rehearsed"]
