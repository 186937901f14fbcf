"""Prepares a deployment's Airflow: `python -m deploy.prepare`, before its processes start and after each upgrade.

Migrates the metadata database, gives each role its rights, makes the first administrator, the pool of FileMaker
sessions and the connections. Everything may be done again: connections and the pool become what the environment says,
accounts that exist keep their passwords and their roles.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.connections import EnvironmentMistake, connections
from deploy.roles import set_rights

POOL = "filemaker"
POOL_PURPOSE = "FileMaker Data API sessions of all tasks"
ADMIN_MAIL = "admin@localhost"


def prepare(environment: Mapping[str, str]) -> None:
    """Do all of it in this order: what is wrong in the environment is said before anything is changed."""
    wanted = connections(environment)
    slots = environment.get("FILEMAKER_SESSIONS") or "3"
    name, password = environment.get("AIRFLOW_ADMIN_USER") or "admin", environment.get("AIRFLOW_ADMIN_PASSWORD")
    if not password:
        raise EnvironmentMistake("AIRFLOW_ADMIN_PASSWORD is not set. Set it in .env.")
    if not slots.isdecimal() or int(slots) < 1:
        raise EnvironmentMistake(f"FILEMAKER_SESSIONS is '{slots}': it takes a number from 1 on.")
    run_airflow("db", "migrate")
    set_accounts(name, password)
    run_airflow("pools", "set", POOL, slots, POOL_PURPOSE)
    write_connections(wanted)


def run_airflow(*arguments: str) -> None:
    """Run an `airflow` command in this process: each process of its own would import all of Airflow again."""
    from airflow.cli.cli_parser import get_parser

    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed)


def set_accounts(name: str, password: str) -> None:
    """Set the rights of every role, and make the first account if it is not there."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as application:
        manager: Any = application.sm
        # the rights to FAB's own pages, such as the list of accounts; [fab] update_fab_perms would make them
        application.add_permissions(update_perms=True)
        for role, (added, taken) in set_rights(manager).items():
            _say(f"Role {role}: {added} rights given, {taken} taken away")
        if manager.find_user(username=name):
            _say(f"Account {name} is there; its password is left as it is")
        elif manager.add_user(name, name, "administrator", ADMIN_MAIL, manager.find_role("Admin"), password):
            _say(f"Account {name} made, with the role Admin")
        else:
            raise RuntimeError(f"The account {name} could not be made; the reason is in the log above.")


def write_connections(wanted: Mapping[str, Any]) -> None:
    """Write the connections, encrypted with the Fernet key, into the metadata database."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "connections.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(wanted))
        run_airflow("connections", "import", "--overwrite", str(file))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Prepare with this process's environment; returns the exit code."""
    try:
        prepare(os.environ)
    except EnvironmentMistake as mistake:
        sys.stderr.write(f"{mistake}\n")
        return 1
    _say("Prepared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
