"""People name files after patients: no such name leaves Nexus and its bucket, whatever goes wrong with a file."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from local.mail import MailDirectory, read_mails
from local.network import LOOPBACK, free_ports
from tests.faults.troubles import asks_store
from tests.support.copies import CopyRun
from tests.support.installation import BUCKET, mail_connection
from tests.support.runs import Run
from tests.support.wire import Cut, Message
from tests.support.wired import Always, wired
from tests.support.workbooks import text_of

CANARY = "Birdsong"
TASK = "phase_8_validate.check_files"
FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
FOLDER = f"documents/Jane {CANARY}"


def refuse(message: Message) -> None:
    """Answer that the object may not be read."""
    raise Cut(FORBIDDEN)


def said(run: Run) -> str:
    """Return all that the run said, but for its mails and its log: journal, findings, XComs, errors, verdict."""
    installation = run.installation
    tables = installation.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'nexus_import'")
    parts = [repr(run.results), run.last_words]
    parts += [str(installation.rows(f"SELECT t::text FROM nexus_import.{table} AS t")) for (table,) in tables]
    parts += [line for error in run.errors.values() for line in traceback.format_exception(error)]
    s3 = installation.s3()
    for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"nexus-import/reports/{run.run_id}/").get("Contents", []):
        body = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
        parts.append(text_of(entry["Key"], body))
    return "\n".join(parts)


def test_file_that_cannot_be_read_and_one_that_is_nobodys_are_reported_without_their_names(
    copy_run: CopyRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    port = free_ports(1)[0]
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", mail_connection(port))
    caplog.set_level("DEBUG", "nexus_import")
    server: Any = Controller(MailDirectory(tmp_path), hostname=LOOPBACK, port=port)
    server.start()
    try:
        with copy_run() as run:
            s3 = run.installation.s3()
            run.go(until="phase_7_images.gate")
            with run.installation.importer() as connection:
                connection.execute(
                    "UPDATE nexus_work.documents_document SET s3_key = %s || id", (f"{FOLDER}/discharge letter ",)
                )
            s3.put_object(Bucket=BUCKET, Key=f"{FOLDER}/{CANARY}.{CANARY}", Body=b"x")
            try:
                with wired(run.installation, rule := Always(asks_store(b"GET", CANARY.encode()), refuse)):
                    run.go(until=TASK)
                run.go()
                assert rule.has_happened
                assert "The object store failed to read the file of document" in str(run.errors[TASK])
                whole = said(run)
                run.clear(TASK)
                run.go()
            finally:
                s3.delete_object(Bucket=BUCKET, Key=f"{FOLDER}/{CANARY}.{CANARY}")
            assert not run.is_green
            assert run.findings("phase_8/objects_have_rows")
            whole += said(run)
    finally:
        server.stop()
    parts = [part for mail in read_mails(tmp_path) for part in mail.walk() if not part.is_multipart()]
    mails = "\n".join(part.get_content() for part in parts)
    assert "documents/…/…" in whole
    assert "The object store failed to read the file of document" in mails
    texts = {"said": whole, "log": caplog.text, "mails": mails}
    assert {name for name, text in texts.items() if CANARY in text} == set()
