"""Restores a backup of the import, or undoes a publish, from a shell, when Airflow is down.

It needs Python, this package, and addresses; it does what the DAG `restore_backup` does, with the same code: all that
would be put back is checked and compared with live Nexus, a person confirms, and everything is written in one
transaction. Before a restore a backup of the present state is taken; an undo leaves rows alone that somebody has
written since the publish, and needs no backup and no object store. Interrupted, it has changed nothing; run it again.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.conninfo import conninfo_to_dict

from nexus_import.errors import DataError, NexusImportError, RestoreRefused
from nexus_import.nexus.backup import Backup, next_attempt, record_backup, take_backup
from nexus_import.nexus.database_errors import say
from nexus_import.nexus.manifest import NEWEST, RESTORE, Manifest, choose_backup, find_backups
from nexus_import.nexus.publications import Published, choose_publication, read_publications, when_undone
from nexus_import.nexus.restore.looking import count_unlike
from nexus_import.nexus.restore.planning import load_backup, plan_restore
from nexus_import.nexus.restore.records import (
    APPROVE,
    ShownPlan,
    close_restore,
    ensure_journal,
    mark_verified,
    open_restore,
    record_answer,
    record_checked,
    record_choice,
    record_choice_of_publish,
    record_question,
)
from nexus_import.nexus.restore.restoring import restore_backup
from nexus_import.nexus.restore.scope import EVERYTHING, PATIENT_DATA, ScopeName
from nexus_import.nexus.restore.undo_words import publication_line, undo_headline, undo_lines
from nexus_import.nexus.restore.undoing import look_at_undo, plan_undo, undo_as_planned
from nexus_import.nexus.restore.words import backup_line, headline, plan_lines
from nexus_import.nexus.roles import require_restricted
from nexus_import.nexus.session import SESSION_OPTIONS
from nexus_import.settings import Policy, RestoreParameters, read_policy
from nexus_import.storage import ObjectStore

log = logging.getLogger("nexus_import")

EXIT_OK = 0
EXIT_REFUSED = 1
RUN_AGAIN = "Run this again: what was not committed has changed nothing, and what was is found and not done twice."
ENVIRONMENT = """
environment (an option wins over it):
  NEXUS_RESTORE_DB_URI   address of the Nexus database for the role nexus_restore, postgresql://...
  S3_BUCKET              bucket that holds the backups; not needed for --undo
  S3_ENDPOINT            address of the object store, when it is not AWS
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION and whatever else boto3 reads
  NEXUS_IMPORT_INCLUDE   the folder include/ with policy.yaml, when it is not beside plugins/

exit code: 0 done, or nothing to do; 1 refused or failed, the last line says why; 2 wrong options
"""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for on the command line.

    `undo` names the publish to undo, by its run, and is None where a backup is restored. `confirm` asks a person to
    type the run id of the backup, or of the publish.
    """

    uri: str
    backup: str = NEWEST
    scope: ScopeName = PATIENT_DATA
    undo: str | None = None
    is_rehearsal: bool = False
    is_confirmed: bool = False
    is_without_backup: bool = False
    confirm: Callable[[str], str] = input


def show_list(uri: str, store: ObjectStore | None) -> int:
    """Say which backups and publishes are there; without a `store` only the publishes."""
    with _connect(uri) as connection:
        for backup in find_backups(connection, store) if store else []:
            log.info("%s", backup_line(backup))
        publications = read_publications(connection)
        for published in publications:
            log.info("publish of %s", publication_line(publications, published))
    return EXIT_OK


def run(request: Request, store: ObjectStore, policy: Policy) -> int:
    """Restore a backup and return the exit code; raises `NexusImportError` when that is refused."""
    with _connect(request.uri) as connection:
        require_restricted(connection, "restore")
        chosen = choose_backup(find_backups(connection, store), request.backup)
        if chosen.manifest is None:
            raise RestoreRefused(f"{backup_line(chosen)}.")
        log.info("Backup: %s", backup_line(chosen))
        ensure_journal(connection)
        with _journalled(connection, {"backup": chosen.manifest.name, "scope": request.scope}) as (run_id, who):
            record_choice(connection, run_id, chosen.manifest)
            return _restore(connection, request, store, policy, chosen.manifest, run_id, who)


def run_undo(request: Request, policy: Policy) -> int:
    """Undo a publish and return the exit code; raises `NexusImportError` when that is refused."""
    with _connect(request.uri) as connection:
        require_restricted(connection, "restore")
        found = read_publications(connection)
        chosen = choose_publication(found, request.undo or NEWEST)
        log.info("Publish: %s", publication_line(found, chosen))
        if not chosen.stands:
            log.info("✅ Nothing to undo: it was undone already, %s", when_undone(chosen))
            return EXIT_OK
        ensure_journal(connection)
        with _journalled(connection, {"undo": chosen.run_id}) as (run_id, who):
            record_choice_of_publish(connection, run_id, chosen)
            return _undo(connection, request, policy, chosen, run_id, who)


def _connect(uri: str) -> Connection[Any]:
    """Open a session that writes values as those of the import do: what it kept is compared with what is there."""
    options = f"{conninfo_to_dict(uri).get('options') or ''} {SESSION_OPTIONS}"
    return psycopg.connect(uri, autocommit=True, options=options.strip())


@contextmanager
def _journalled(connection: Connection[Any], parameters: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Open a run in the journal and yield its id and who asked for it; write there why it stopped, if it does."""
    run_id = f"shell__{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{uuid.uuid4().hex[:6]}"
    who = f"{getpass.getuser()} (shell)"
    open_restore(connection, run_id, who, parameters)
    try:
        yield run_id, who
    except NexusImportError as error:
        with suppress(psycopg.Error):  # the sentence is said in any case
            close_restore(connection, run_id, "stopped", str(error))
        raise


def _restore(
    connection: Connection[Any],
    request: Request,
    store: ObjectStore,
    policy: Policy,
    manifest: Manifest,
    run_id: str,
    who: str,
) -> int:
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
    _ask(connection, request, plan, "Live Nexus will be as this backup has it", manifest.run_id, who)
    save_first = None if request.is_without_backup else lambda: _save(request.uri, connection, store, run_id)
    done = restore_backup(connection, loaded, plan, None, save_first)
    if done.saved_manifest_key:
        log.info("What was there before: s3://%s/%s", store.bucket, done.saved_manifest_key)
    wrong, written_since = count_unlike(connection, loaded, done)
    _say_look(wrong, written_since, "Restored but unverified: not as the backup has them")
    mark_verified(connection, done)
    return _close(connection, run_id, "restored", f"Restored and verified {plan.change_count:,} rows")


def _undo(
    connection: Connection[Any], request: Request, policy: Policy, published: Published, run_id: str, who: str
) -> int:
    plan = plan_undo(connection, run_id, published.plan_id, policy.data_policy())
    record_checked(connection, run_id)
    log.info("%s", undo_headline(plan, published))
    for line in undo_lines(plan):
        log.info("  %s", line)
    if request.is_rehearsal:
        return _close(connection, run_id, "rehearsed", "Rehearsed: live Nexus is unchanged")
    _ask(connection, request, plan, "This publish will be undone in live Nexus", published.run_id, who)
    done = undo_as_planned(connection, plan, policy.data_policy(), None)
    wrong, written_since = look_at_undo(connection, published, done)
    _say_look(wrong, written_since, "Undone but unverified: not as they were before the publish")
    mark_verified(connection, done)
    sentence = (
        f"Undone and verified: the publish of run {published.run_id}, {plan.change_count:,} rows put back, "
        f"{len(plan.left):,} left alone"
    )
    return _close(connection, run_id, "undone", sentence)


def _say_look(wrong: Mapping[str, int], written_since: int, what: str) -> None:
    if written_since:
        log.info("%s rows were written by others since the commit: they are theirs", f"{written_since:,}")
    if wrong:
        tables = "; ".join(f"{count:,} rows of {table}" for table, count in wrong.items())
        raise DataError(f"{what}: {tables}. See docs/runbook.md.")


def _close(connection: Connection[Any], run_id: str, state: str, sentence: str) -> int:
    close_restore(connection, run_id, state, sentence)
    log.info("✅ %s", sentence)
    return EXIT_OK


def _ask(
    connection: Connection[Any], request: Request, plan: ShownPlan, what: str, expected_run_id: str, who: str
) -> None:
    """Write question and answer to the journal; raise `RestoreRefused` unless the answer is yes."""
    record_question(connection, plan)
    if not request.is_confirmed:
        try:
            typed = request.confirm(f"{what}. To go on, type its run id ({expected_run_id}): ")
        except EOFError:
            typed = ""
        if typed.strip() != expected_run_id:
            record_answer(connection, plan.run_id, "Reject", who)
            raise RestoreRefused(
                "Not confirmed: live Nexus is unchanged. Type the run id as it is shown, or give --yes where nobody "
                "can be asked."
            )
    record_answer(connection, plan.run_id, APPROVE, who)


def _save(uri: str, journal: Connection[Any], store: ObjectStore, run_id: str) -> Backup:
    """Take a backup of live Nexus as it is, on a connection of its own, and record it."""
    with psycopg.connect(uri, autocommit=True) as connection:
        attempt = next_attempt(connection, store, run_id)
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            backup = take_backup(connection, store, run_id, attempt, [], purpose=RESTORE)
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
    parser.add_argument(
        "--list", action="store_true", dest="is_listing", help="only list the backups and publishes that are there"
    )
    parser.add_argument(
        "--backup",
        default=NEWEST,
        help="RUN or RUN/ATTEMPT as --list shows them; 'newest' (default): the newest good one of an import",
    )
    parser.add_argument(
        "--undo",
        nargs="?",
        const=NEWEST,
        metavar="RUN",
        help="undo a publish instead: the newest, or that of RUN as --list shows it. Rows that somebody has written "
        "since are left alone and named",
    )
    parser.add_argument(
        "--scope",
        choices=(PATIENT_DATA, EVERYTHING),
        default=PATIENT_DATA,
        help="patient_data (default): the tables that the import copies; everything: every table of the backup",
    )
    parser.add_argument(
        "--configuration",
        help="the clinic's configuration, whose policy says what patient data are; default: the one that the schedule "
        "of policy.yaml names",
    )
    parser.add_argument(
        "--rehearse", action="store_true", dest="is_rehearsal", help="check and compare; live Nexus stays as it is"
    )
    parser.add_argument(
        "--yes",
        action="store_true",
        dest="is_confirmed",
        help="do not ask; without it the run id of the backup or publish is typed",
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
    request = _read_request(parser, given, environment)
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    log.setLevel(logging.INFO)
    try:
        policy = read_policy(given.configuration or read_policy().schedule.configuration)
        store = _open_store(parser, given, environment, policy)
        if given.is_listing:
            return show_list(request.uri, store)
        if request.undo is not None:
            return run_undo(request, policy)
        if store is None:
            parser.error("the bucket is missing: --s3-bucket or S3_BUCKET")
        return run(request, store, policy)
    except NexusImportError as error:
        return _fail(str(error))
    except psycopg.Error as error:
        return _fail(f"{say(error)} {RUN_AGAIN}")
    except KeyboardInterrupt:
        return _fail(f"Interrupted. {RUN_AGAIN}")


def _read_request(
    parser: argparse.ArgumentParser, given: argparse.Namespace, environment: Mapping[str, str]
) -> Request:
    """Return what was asked for; end with exit code 2 when that is incomplete or contradicts itself."""
    uri = given.nexus_uri or environment.get("NEXUS_RESTORE_DB_URI")
    if not uri:
        parser.error("the address of the Nexus database is missing: --nexus-uri or NEXUS_RESTORE_DB_URI")
    chosen = RestoreParameters(
        backup=given.backup, undo=given.undo, scope=given.scope, without_backup=given.is_without_backup
    )
    if mistake := chosen.contradiction():
        parser.error(mistake)
    if given.undo == NEWEST and given.is_confirmed and not given.is_rehearsal:
        # run once more, it would undo the next one
        parser.error("--yes undoes no publish that is not named: give --undo RUN, as --list shows it")
    return Request(
        uri=uri,
        backup=given.backup,
        scope=given.scope,
        undo=given.undo,
        is_rehearsal=given.is_rehearsal,
        is_confirmed=given.is_confirmed,
        is_without_backup=given.is_without_backup,
    )


def _open_store(
    parser: argparse.ArgumentParser, given: argparse.Namespace, environment: Mapping[str, str], policy: Policy
) -> ObjectStore | None:
    """Return the object store, None where no bucket was named."""
    bucket = given.s3_bucket or environment.get("S3_BUCKET")
    if not bucket:
        return None
    try:
        client = boto3.client("s3", endpoint_url=given.s3_endpoint or environment.get("S3_ENDPOINT") or None)
    except ValueError as error:
        parser.error(f"the object store's address is wrong: {error}")
    return ObjectStore(client, bucket, policy.storage.prefix, policy.storage.encryption)


def _fail(sentence: str) -> int:
    log.error("❌ %s", sentence)
    return EXIT_REFUSED


if __name__ == "__main__":
    sys.exit(main())
