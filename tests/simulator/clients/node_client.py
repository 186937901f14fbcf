"""The clients of npm: their installation, and a process of Node for each that is told what to do line by line."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest

from tests.simulator.clients.common import PortalWindow, Query, Refused, Row

SOURCES = Path(__file__).parent / "node"
INSTALLATIONS = Path(__file__).resolve().parents[3] / ".local" / "node_clients"
LOCK_FILE = "package-lock.json"
FULL_LOG = "npm.log"
ANSWER_TIMEOUT_SECONDS = 30


def missing_program() -> str | None:
    """Return the name of the program that these clients need and this machine does not have."""
    return next((name for name in ("node", "npm") if shutil.which(name) is None), None)


def installed_packages() -> Path:
    """Return the directory that holds `node_modules` as locked; installs them when they are not there yet.

    It is named after the lock's checksum, made beside and renamed, and made by one test run at a time.
    """
    lock = (SOURCES / LOCK_FILE).read_bytes() + (SOURCES / "package.json").read_bytes()
    wanted = INSTALLATIONS / hashlib.sha256(lock).hexdigest()[:16]
    INSTALLATIONS.mkdir(parents=True, exist_ok=True)
    with (INSTALLATIONS / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not wanted.exists():
            _install(wanted)
    return wanted


def _install(wanted: Path) -> None:
    partial = wanted.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in (LOCK_FILE, "package.json"):
        shutil.copy(SOURCES / name, partial)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
    done = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        # npm's own words may name the address of a registry: they stay in the log.
        (INSTALLATIONS / FULL_LOG).write_text(f"{done.stdout}\n{done.stderr}", encoding="utf-8")
        pytest.fail(
            "The public FileMaker clients of npm could not be installed (npm ci). Is there a network, and may npm"
            f" packages be downloaded? Details: .local/{INSTALLATIONS.name}/{FULL_LOG}",
            pytrace=False,
        )
    partial.rename(wanted)


class NodeProcess:
    """One process of Node with one client's package in it."""

    def __init__(self, client: str, directory: Path, ca_file: str | None) -> None:
        certificates = {"NODE_EXTRA_CA_CERTS": ca_file} if ca_file else {}
        self._process = subprocess.Popen(
            ["node", "driver.mjs", client],
            cwd=directory,
            env={**os.environ, **certificates},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(directory / f"{client}.log").open("w"),
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(ANSWER_TIMEOUT_SECONDS)
        self._process.stdout.close()

    def ask(self, verb: str, **given: Any) -> Any:
        """Return the result of one verb; raises Refused when the client raised an error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = {name: value for name, value in given.items() if value is not None}
        self._process.stdin.write(json.dumps({"verb": verb, "arguments": wanted}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the process of Node ended at {verb} with code {self._process.wait(ANSWER_TIMEOUT_SECONDS)}"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["result"]


class NodeClient:
    """A client of npm, opened anew in its process."""

    def __init__(self, process: NodeProcess, url: str, database: str, user: str, password: str) -> None:
        self.process = process
        process.ask("open", url=url, database=database, user=user, password=password)

    def layouts(self) -> list[str]:
        return list(self.process.ask("layouts"))

    def field_results(self, layout: str) -> dict[str, str]:
        return dict(self.process.ask("fieldResults", layout=layout))

    def page(
        self,
        layout: str,
        *,
        offset: int | None = None,
        limit: int | None = None,
        sort: list[dict[str, str]] | None = None,
        window: PortalWindow | None = None,
        is_iso: bool = False,
    ) -> list[Row]:
        portal = window._asdict() if window is not None else None
        found = self.process.ask(
            "page", layout=layout, offset=offset, limit=limit, sort=sort, window=portal, iso=is_iso
        )
        return [_row(record) for record in found]

    def everything(self, layout: str) -> list[Row]:
        return [_row(record) for record in self.process.ask("everything", layout=layout)]

    def record(self, layout: str, record_id: str) -> Row:
        return _row(self.process.ask("record", layout=layout, recordId=int(record_id)))

    def find(
        self, layout: str, query: list[Query], *, sort: list[dict[str, str]] | None = None, ignores_empty: bool = False
    ) -> list[Row]:
        """Return what matches; `ignores_empty` is the clients' own switch for a find without a match."""
        found = self.process.ask("find", layout=layout, query=query, sort=sort, ignoresEmpty=ignores_empty)
        return [_row(record) for record in found]

    def create(self, layout: str, fields: dict[str, Any]) -> str:
        return str(self.process.ask("create", layout=layout, fields=fields))

    def edit(self, layout: str, record_id: str, fields: dict[str, Any], *, mod_id: str | None = None) -> None:
        expected = None if mod_id is None else int(mod_id)
        self.process.ask("edit", layout=layout, recordId=int(record_id), fields=fields, modId=expected)

    def delete(self, layout: str, record_id: str) -> None:
        self.process.ask("delete", layout=layout, recordId=int(record_id))

    def run_script(self, layout: str, script: str, parameter: str) -> tuple[str, str]:
        error, result = self.process.ask("runScript", layout=layout, script=script, parameter=parameter)
        return error, result

    def download(self, address: str) -> bytes:
        return base64.b64decode(self.process.ask("download", address=address))

    def log_in(self) -> None:
        self.process.ask("logIn")

    def log_out(self) -> None:
        self.process.ask("logOut")


def _row(record: dict[str, Any]) -> Row:
    return Row(record["recordId"], str(record["modId"]), record["fieldData"], record["portalData"])


def fill_working_directory(directory: Path, packages: Path) -> None:
    """Put the scripts into a directory, and beside them the installed packages, where Node looks for them."""
    for script in SOURCES.glob("*.mjs"):
        shutil.copy(script, directory)
    (directory / "node_modules").symlink_to(packages / "node_modules")
