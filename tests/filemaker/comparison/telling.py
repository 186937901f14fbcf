"""What the clients tell when something is wrong, and what they must not tell."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.filemaker.comparison.bench import OURS, Bench, good, yes_no
from tests.filemaker.comparison.clinic import PEOPLE

TOKEN = re.compile(r"[0-9a-f]{50}")
LIBRARY_LOGGERS = ("urllib3.connectionpool", "urllib3.util.retry")
MISSPELLED_FIELD, NEAREST_FIELD = "Clinics", "'Clinic'"
MISSPELLED_LAYOUT = "API People's"
MISSING_CODE = 102


def field_that_is_missing(bench: Bench) -> str:
    message = _message_of_find(bench, PEOPLE, MISSPELLED_FIELD)
    return _told(message, f"'{MISSPELLED_FIELD}'", NEAREST_FIELD)


def layout_that_is_missing(bench: Bench) -> str:
    message = _message_of_find(bench, MISSPELLED_LAYOUT, "id")
    return _told(message, f"'{MISSPELLED_LAYOUT}'", f"'{PEOPLE}'")


def code_of_an_error(bench: Bench) -> str:
    """Look where a program finds FileMaker's code."""
    with bench.opened() as client:
        error = _error_of_find(bench, client, PEOPLE, MISSPELLED_FIELD)
        if getattr(error, "code", None) == MISSING_CODE:
            return "on the error"
        if getattr(client, "last_error", None) == MISSING_CODE:
            return "on the client"
        result = client.find(PEOPLE, [{MISSPELLED_FIELD: "x"}], limit=1)
        assert [message.code for message in result.errors] == [str(MISSING_CODE)]
        return "on the result"


def token_in_repr(bench: Bench) -> str:
    with bench.opened() as client:
        return yes_no(not TOKEN.search(repr(client)))


def values_in_repr(bench: Bench) -> str:
    with bench.opened() as client:
        record = _first_person(bench, client)
    return yes_no("Synthetic Person" not in repr(record))


def token_in_debug_log(bench: Bench) -> str:
    return yes_no(not TOKEN.search(_debug_log(bench)))


def values_in_debug_log(bench: Bench) -> str:
    return yes_no("Synthetic Person" not in _debug_log(bench))


def _debug_log(bench: Bench) -> str:
    """Return what is logged at level DEBUG by a session from its log-in to its end."""
    with _captured() as log:
        with bench.opened() as client:
            _first_person(bench, client)
        assert "sessions" in log.getvalue() or bench.name == OURS
        return log.getvalue()


@contextmanager
def _captured() -> Iterator[io.StringIO]:
    """Catch all log records; the filter that our client puts on urllib3's loggers is taken off for the others."""
    root, log = logging.getLogger(), io.StringIO()
    handler, level = logging.StreamHandler(log), root.level
    filters = {name: list(logging.getLogger(name).filters) for name in LIBRARY_LOGGERS}
    for name in LIBRARY_LOGGERS:
        logging.getLogger(name).filters.clear()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        for name, kept in filters.items():
            logging.getLogger(name).filters[:] = kept


def _first_person(bench: Bench, client: Any) -> Any:
    return bench.ask(
        client,
        lambda c: c.record(PEOPLE, "101"),
        lambda c: c.get_record(101, request_layout=PEOPLE),
        lambda c: good(c.get_record(PEOPLE, "101")).data[0],
    )


def _error_of_find(bench: Bench, client: Any, layout: str, field: str) -> Exception:
    query = [{field: "x"}]
    try:
        bench.ask(
            client,
            lambda c: c.find(layout, query),
            lambda c: c.find(query, request_layout=layout),
            lambda c: good(c.find(layout, query, limit=1)),
        )
    except Exception as error:
        return error
    raise AssertionError("the find was made")


def _message_of_find(bench: Bench, layout: str, field: str) -> str:
    with bench.opened() as client:
        return str(_error_of_find(bench, client, layout, field))


def _told(message: str, name: str, nearest: str) -> str:
    return "names it, and the nearest" if name in message and nearest in message else "does not name it"


SCENARIOS = (
    field_that_is_missing,
    layout_that_is_missing,
    code_of_an_error,
    token_in_repr,
    token_in_debug_log,
    values_in_repr,
    values_in_debug_log,
)
