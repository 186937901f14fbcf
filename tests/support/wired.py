"""An installation whose PostgreSQL, S3 and FileMaker are reached over ways on which something can happen."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from local.network import LOOPBACK
from tests.support.installation import Installation, Parts
from tests.support.wire import Action, HttpSplitter, Message, PostgresSplitter, Rule, cut, open_wire

NEXUS, STORAGE, FILEMAKER = "nexus", "storage", "filemaker"


@contextmanager
def open_wires(installation: Installation, rule: Rule) -> Iterator[dict[str, str]]:
    """Yield the installation's Airflow connections as environment variables, each over a way that the rule watches."""
    with ExitStack() as stack:

        def port_of(name: str, port: int, splitter: Callable[[], PostgresSplitter | HttpSplitter]) -> int:
            return stack.enter_context(open_wire(name, port, splitter, rule)).port

        nexus = port_of(NEXUS, installation.database.cluster.port, PostgresSplitter)
        storage = port_of(STORAGE, urlsplit(installation.parts.s3_url).port or 0, HttpSplitter)
        filemaker = port_of(FILEMAKER, installation.simulator.port, HttpSplitter)
        environment = {}
        for name, value in installation.environment().items():
            connection = json.loads(value)
            if connection["conn_type"] == "postgres":
                connection["port"] = nexus
            elif connection["conn_type"] == "filemaker":
                connection["host"] = f"http://{LOOPBACK}:{filemaker}"
            else:
                connection["extra"]["service_config"]["s3"]["endpoint_url"] = f"http://{LOOPBACK}:{storage}"
            environment[name] = json.dumps(connection)
        yield environment


@contextmanager
def storage_wire(parts: Parts, rule: Rule) -> Iterator[str]:
    """Yield the address of the S3 server over a way that the rule watches."""
    with open_wire(STORAGE, urlsplit(parts.s3_url).port or 0, HttpSplitter, rule) as wire:
        yield f"http://{LOOPBACK}:{wire.port}"


@contextmanager
def wired(installation: Installation, rule: Rule) -> Iterator[None]:
    """Let the tasks of this process take these ways until the block ends."""
    with open_wires(installation, rule) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


class Once:
    """A rule: the action is run at the first message that is like this, or at the `number`-th; it may be set later."""

    def __init__(self, is_like: Callable[[Message], bool], action: Action = cut, *, number: int = 1) -> None:
        self._is_like = is_like
        self.action = action
        self._number = number
        self._lock = threading.Lock()
        self.seen = 0

    def __call__(self, message: Message) -> Action | None:
        """Count the message if it is like this."""
        if not message.kind or not self._is_like(message):
            return None
        with self._lock:
            self.seen += 1
            return self.action if self._is_due() else None

    def _is_due(self) -> bool:
        return self.seen == self._number

    @property
    def has_happened(self) -> bool:
        """Tell whether the action was run."""
        return self.seen >= self._number


class Always(Once):
    """A rule: the action is run at every message that is like this."""

    def _is_due(self) -> bool:
        return True


class Tally:
    """A rule that only counts, by wire."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def __call__(self, message: Message) -> None:
        """Count the message."""
        if message.kind:
            with self._lock:
                self.counts[message.wire] += 1
