"""The three clients on one simulator, and what they make of an action in one vocabulary."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fmdata
import fmrest
from nexus_import.filemaker.client import FileMakerClient

from local.simulator import Simulator
from tests.filemaker.comparison.clinic import PEOPLE

OURS, FMREST, FMDATA = "this client", "python-fmrest", "fmdata"
CLIENTS = (OURS, FMREST, FMDATA)
PAGE_RECORDS = 100  # what the other two ask for by default

Action = Callable[[Any], Any]


@dataclass(frozen=True)
class Bench:
    """One client's place at the simulator; `name` is one of CLIENTS."""

    name: str
    simulator: Simulator
    ca_file: Path

    def new_client(self, *, read_timeout_seconds: float = 30, is_iso: bool = False) -> Any:
        """Return the client as its documentation makes it, with what helps against a lost session switched on."""
        account = (self.simulator.user, self.simulator.password)
        url, database, certificate = self.simulator.url, self.simulator.database, str(self.ca_file)
        if self.name == OURS:
            return FileMakerClient(
                url,
                database,
                *account,
                ca_file=certificate,
                page_size=PAGE_RECORDS,
                date_format="iso" if is_iso else "us",
                read_timeout_seconds=read_timeout_seconds,
                retry_wait_seconds=0.001,
            )
        if self.name == FMREST:
            return fmrest.Server(
                url,
                *account,
                database,
                PEOPLE,
                api_version="vLatest",
                verify_ssl=certificate,
                auto_relogin=True,
                timeout=read_timeout_seconds,
            )
        return fmdata.Client(
            url,
            database,
            fmdata.UsernamePasswordLogin(*account),
            version="22",
            verify_ssl=certificate,
            read_timeout=read_timeout_seconds,
            too_fast_login_retry_timeout=None,
        )

    @contextlib.contextmanager
    def opened(self, **options: Any) -> Iterator[Any]:
        """Open the client with a session, and log it out again whatever happened to it meanwhile."""
        client = self.new_client(**options)
        self.log_in(client)
        try:
            yield client
        finally:
            self.simulator.control.clear_faults()
            self.log_out(client)

    def log_in(self, client: Any) -> None:
        """Open a session: ours does with the first request that needs one."""
        self.ask(client, lambda c: c.layouts(), lambda c: c.login(), lambda c: c.login())

    def log_out(self, client: Any) -> None:
        """End the session if there is one still."""
        with contextlib.suppress(Exception):
            self.ask(client, lambda c: c.close(), lambda c: c.logout(), lambda c: c.logout())

    def ask(self, client: Any, ours: Action, of_fmrest: Action, of_fmdata: Action) -> Any:
        """Do to the client what its own users would write."""
        return {OURS: ours, FMREST: of_fmrest, FMDATA: of_fmdata}[self.name](client)


def outcome(action: Callable[[], str]) -> str:
    """Return what an action says, or its error: FileMaker's code when it is told, else the class."""
    try:
        return action()
    except Exception as error:
        return error_of(error)


def error_of(error: BaseException) -> str:
    """Return the error in the words of the table."""
    for cause in (error, error.__cause__):
        told = re.search(r"returned error (\d+)", str(cause))
        code = getattr(cause, "code", 0) or (told and told[1])
        if code:
            return f"error {code}"
    return f"`{type(error).__name__}`"


def good(result: Any) -> Any:
    """Return the answer of fmdata's client, which raises no error until it is told to."""
    return result.raise_exception_if_has_error().response


def offers(kind: type, *words: str) -> bool:
    """Say whether a client has a public name with one of the words in it."""
    return any(word in name.lower() for name in dir(kind) if not name.startswith("_") for word in words)


def yes_no(is_so: bool) -> str:
    """Return the cell of a plain property."""
    return "yes" if is_so else "no"
