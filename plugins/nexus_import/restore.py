"""Restores a backup of the import from a shell, when Airflow is down: python -m nexus_import.restore --help.

It needs Python, this package, and addresses; it does what the DAG `restore_backup` does, with the same code: the
checksums are verified, the backup is compared with live Nexus, a person confirms, a backup of the present state is
taken, and everything is written in one transaction. Interrupted, it has changed nothing; run it again.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
from psycopg import Connection, IsolationLevel

from nexus_import.errors import DataError, NexusImportError, RestoreRefused
from nexus_import.nexus.backup import Backup, next_attempt, record_backup, take_backup
from nexus_import.nexus.database_errors import say
from nexus_import.nexus.manifest import NEWEST, RESTORE, Manifest, choose_backup, find_backups
from nexus_import.nexus.restore.looking import count_unlike
from nexus_import.nexus.restore.planning import Loaded, load_backup, plan_restore
from nexus_import.nexus.restore.records import (
    APPROVE,
    Restored,
    RestorePlan,
    close_restore,
    ensure_journal,
    mark_verified,
    open_restore,
    record_answer,
    record_checked,
    record_choice,
    record_question,
)
from nexus_import.nexus.restore.restoring import restore_backup
from nexus_import.nexus.restore.scope import EVERYTHING, PATIENT_DATA, ScopeName
from nexus_import.nexus.restore.words import backup_line, headline, plan_lines
from nexus_import.settings import Policy, read_policy
from nexus_import.storage import ObjectStore

log = logging.getLogger("nexus_import")

EXIT_OK = 0
EXIT_REFUSED = 1
RUN_AGAIN = "Run this again: what was not committed has changed nothing, and what was is found and not done twice."
ENVIRONMENT = """
environment (an option wins over it):
  NEXUS_RESTORE_DB_URI   address of the Nexus database for the role nexus_restore, postgresql://...
  S3_BUCKET              bucket that holds the backups
  S3_ENDPOINT            address of the object store, when it is not AWS
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION and whatever else boto3 reads
  NEXUS_IMPORT_INCLUDE   the folder include/ with policy.yaml, when it is not beside plugins/

exit code: 0 done, or nothing to do; 1 refused or failed, the last line says why; 2 wrong options
"""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line; `confirm` asks a person to type the backup's run id."""

    uri: str
    backup: str
    scope: ScopeName
    is_listing: bool
    is_rehearsal: bool
    is_confirmed: bool
    is_without_backup: bool
    confirm: Callable[[str], str] = input


def run(request: Request, store: ObjectStore, policy: Policy) -> int:
    """Do what was asked for and return the exit code; raises `NexusImportError` when that is refused."""
    with psycopg.connect(request.uri, autocommit=True) as connection:
        found = find_backups(connection, store)
        if request.is_listing:
            for backup in found:
                log.info("%s", backup_line(backup))
            return EXIT_OK
        chosen = choose_backup(found, request.backup)
        if chosen.manifest is None:
            raise RestoreRefused(f"{backup_line(chosen)}.")
        log.info("Backup: %s", backup_line(chosen))
        ensure_journal(connection)
        return _restore(connection, request, store, policy, chosen.manifest)


def _restore(
    connection: Connection[Any], request: Request, store: ObjectStore, policy: Policy, manifest: Manifest
) -> int:
    run_id = f"shell__{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{uuid.uuid4().hex[:6]}"
    who = f"{getpass.getuser()} (shell)"
    open_restore(connection, run_id, who, {"backup": manifest.name, "scope": request.scope})
    record_choice(connection, run_id, manifest)
    try:
        loaded = load_backup(connection, store, manifest, request.scope, policy.data_policy())
        record_checked(connection, run_id)
        log.info("All checksums are right")
        plan = plan_restore(connection, store, loaded, run_id, store.key("restores", run_id, "differences.csv"))
        log.info("%s", headline(plan, manifest))
        for line in plan_lines(plan):
            log.info("  %s", line)
        log.info("By id: s3://%s/%s", store.bucket, plan.differences_key)
        if plan.change_count == 0:
            return _close(connection, run_id, "identical", "Nothing to restore: live Nexus holds what the backup holds")
        if request.is_rehearsal:
            return _close(connection, run_id, "rehearsed", "Rehearsed: live Nexus is unchanged")
        _ask(connection, request, plan, manifest, who)
        save_first = None if request.is_without_backup else lambda: _save(request.uri, connection, store, run_id)
        done = restore_backup(connection, loaded, plan, None, save_first)
        if done.saved_manifest_key:
            log.info("What was there before: s3://%s/%s", store.bucket, done.saved_manifest_key)
        _verify(connection, loaded, done)
    except NexusImportError as error:
        with suppress(psycopg.Error):  # the sentence is said in any case
            close_restore(connection, run_id, "stopped", str(error))
        raise
    return _close(connection, run_id, "restored", f"Restored and verified {plan.change_count:,} rows")


def _verify(connection: Connection[Any], loaded: Loaded, done: Restored) -> None:
    wrong, written_since = count_unlike(connection, loaded, done)
    if written_since:
        log.info("%s rows were written by others since the restore: they are theirs", f"{written_since:,}")
    if wrong:
        tables = "; ".join(f"{count:,} rows of {table}" for table, count in wrong.items())
        raise DataError(f"Restored but unverified: not as the backup has them: {tables}. See docs/runbook.md.")
    mark_verified(connection, done)


def _close(connection: Connection[Any], run_id: str, state: str, sentence: str) -> int:
    close_restore(connection, run_id, state, sentence)
    log.info("✅ %s", sentence)
    return EXIT_OK


def _ask(connection: Connection[Any], request: Request, plan: RestorePlan, manifest: Manifest, who: str) -> None:
    """Write question and answer to the journal; raise `RestoreRefused` unless the answer is yes."""
    record_question(connection, plan)
    if not request.is_confirmed:
        question = f"Live Nexus will be as this backup has it. To go on, type its run id ({manifest.run_id}): "
        try:
            typed = request.confirm(question)
        except EOFError:
            typed = ""
        if typed.strip() != manifest.run_id:
            record_answer(connection, plan.run_id, "Reject", who)
            raise RestoreRefused(
                "Not confirmed: live Nexus is unchanged. Type the run id as it is shown, or give --yes where nobody "
                "can be asked."
            )
    record_answer(connection, plan.run_id, APPROVE, who)


def _save(uri: str, journal: Connection[Any], store: ObjectStore, run_id: str) -> Backup:
    """Take a backup of live Nexus as it is, on a connection of its own, and record it."""
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            backup = take_backup(connection, store, run_id, next_attempt(store, run_id), [], purpose=RESTORE)
    record_backup(journal, backup)
    log.info("Backed up live Nexus as it is: %s/%03d", backup.run_id, backup.attempt)
    return backup


def make_parser() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m nexus_import.restore",
        description=__doc__,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", action="store_true", dest="is_listing", help="only list the backups that are there")
    parser.add_argument(
        "--backup",
        default=NEWEST,
        help="RUN or RUN/ATTEMPT as --list shows them; 'newest' (default): the newest good one of an import",
    )
    parser.add_argument(
        "--scope",
        choices=(PATIENT_DATA, EVERYTHING),
        default=PATIENT_DATA,
        help="patient_data (default): the tables that the import copies; everything: every table of the backup",
    )
    parser.add_argument(
        "--rehearse", action="store_true", dest="is_rehearsal", help="check and compare; live Nexus stays as it is"
    )
    parser.add_argument(
        "--yes", action="store_true", dest="is_confirmed", help="do not ask; without it the backup's run id is typed"
    )
    parser.add_argument(
        "--without-backup",
        action="store_true",
        dest="is_without_backup",
        help="restore although the present state cannot be backed up first: what was written since is gone for good",
    )
    parser.add_argument("--nexus-uri", help="see NEXUS_RESTORE_DB_URI; a password is better given there")
    parser.add_argument("--s3-bucket", help="see S3_BUCKET")
    parser.add_argument("--s3-endpoint", help="see S3_ENDPOINT")
    return parser


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run the command line; return the exit code."""
    parser = make_parser()
    given = parser.parse_args(arguments)
    uri = given.nexus_uri or environment.get("NEXUS_RESTORE_DB_URI")
    bucket = given.s3_bucket or environment.get("S3_BUCKET")
    if not uri:
        parser.error("the address of the Nexus database is missing: --nexus-uri or NEXUS_RESTORE_DB_URI")
    if not bucket:
        parser.error("the bucket is missing: --s3-bucket or S3_BUCKET")
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    log.setLevel(logging.INFO)
    try:
        client = boto3.client("s3", endpoint_url=given.s3_endpoint or environment.get("S3_ENDPOINT") or None)
    except ValueError as error:
        parser.error(f"the object store's address is wrong: {error}")
    try:
        policy = read_policy()
        store = ObjectStore(client, bucket, policy.storage.prefix, policy.storage.encryption)
        request = Request(
            uri,
            given.backup,
            given.scope,
            given.is_listing,
            given.is_rehearsal,
            given.is_confirmed,
            given.is_without_backup,
        )
        return run(request, store, policy)
    except NexusImportError as error:
        return _fail(str(error))
    except psycopg.Error as error:
        return _fail(f"{say(error)} {RUN_AGAIN}")
    except KeyboardInterrupt:
        return _fail(f"Interrupted. {RUN_AGAIN}")


def _fail(sentence: str) -> int:
    log.error("❌ %s", sentence)
    return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
