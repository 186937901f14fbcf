"""What the comparison found: one row for each property, with what each client was seen to do.

The tests make every cell happen; docs/filemaker_client.md shows the same rows.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import NamedTuple

from tests.filemaker.comparison.bench import CLIENTS, FMDATA, FMREST, OURS


class Row(NamedTuple):
    """One property; `scenario` is the name of the function that makes it happen, the cells are in CLIENTS' order."""

    scenario: str
    question: str
    ours: str
    of_fmrest: str
    of_fmdata: str

    @property
    def cells(self) -> dict[str, str]:
        """The expected outcome by client."""
        return dict(zip(CLIENTS, (self.ours, self.of_fmrest, self.of_fmdata), strict=True))


READING = (
    Row(
        "records_of_one_call",
        "Records of 230 that a call reads by default",
        *("230", "100", "230"),
    ),
    Row(
        "deleted_meanwhile",
        "… when a record is deleted after the first page",
        *("complete", "1 missing, 1 deleted", "1 missing, 1 deleted"),
    ),
    Row(
        "inserted_meanwhile",
        "… when one is added that sorts before the others",
        *("complete", "1 missing, 1 twice", "1 missing, 1 twice"),
    ),
    Row("edited_meanwhile", "… when one is edited after its page was read", "as it was", "as it was", "as it was"),
    Row("requests_of_a_reading", "Requests for 230 records in pages of 100", "8", "3", "3"),
    Row(
        "slow_pages",
        "A page of 100 takes longer than the time-out",
        "200 of 200",
        "`RequestException`",
        "`ReadTimeout`",
    ),
    Row("full_pages_only", "A layout of exactly two full pages", "200 of 200", "200 of 200", "error 101"),
    Row("empty_layout", "An empty layout", "0 records", "error 101", "error 101"),
    Row("no_match", "A find without a match", "0 records", "error 401", "0 records"),
    Row(
        "literal_texts",
        "Texts with operators of finds that are found as they are",
        *("10 of 10", "6 of 10", "9 of 10"),
    ),
    Row("portal_rows", "Rows of a portal of 60 that a call reads by default", "60", "50", "60"),
    Row("layout_with_a_slash", "A layout called `Names/Ärzte`", "1 of 1", "error 1630", "error 1630"),
    Row(
        "old_server",
        "FileMaker Server 17, whose answers have no counts",
        *("`FileMakerRequestError`", "3 records", "3 records"),
    ),
)

SESSIONS = (
    Row("expired_session", "The session expired (code 952)", "goes on", "goes on", "goes on"),
    Row("killed_session", "The server ended it (code 952)", "goes on", "goes on", "goes on"),
    Row("missing_window", "It ended under a request (code 112)", "goes on", "error 112", "error 112"),
    Row("html_401", "Status 401 with an HTML page", "goes on", "`BadJSON`", "`JSONDecodeError`"),
    Row("full_server", "The server was full at the log-in (code 812)", "goes on", "error 812", "error 812"),
    Row(
        "engine_down",
        "The engine was down for two requests (status 502)",
        *("goes on", "`BadGatewayError`", "`JSONDecodeError`"),
    ),
    Row(
        "dropped_connection",
        "The connection was lost once",
        *("goes on", "`RequestException`", "`ConnectionError`"),
    ),
    Row("record_in_use", "A record was in use once (code 301)", "goes on", "error 301", "error 301"),
    Row("sessions_of_three_threads", "Sessions that three threads work with at once", "3", "1", "1"),
    Row(
        "block_left_by_an_error",
        "The session after an error in the caller's block",
        *("logged out", "logged out", "left open"),
    ),
    Row(
        "program_that_forgets",
        "The session of a program that ends without logging out",
        *("logged out", "left open", "left open"),
    ),
)

TELLING = (
    Row(
        "field_that_is_missing",
        "The error of a find in a field that is not there",
        *("names it, and the nearest", "does not name it", "does not name it"),
    ),
    Row(
        "layout_that_is_missing",
        "… on a layout that is not there",
        *("names it, and the nearest", "does not name it", "does not name it"),
    ),
    Row(
        "code_of_an_error",
        "Where a program finds FileMaker's code",
        *("on the error", "on the client", "on the result"),
    ),
    Row("token_in_repr", "`repr` of the client hides the token", "yes", "yes", "no"),
    Row("token_in_debug_log", "The log at level DEBUG hides the token", "yes", "no", "no"),
    Row("values_in_repr", "`repr` of a record hides its values", "yes", "yes", "no"),
    Row("values_in_debug_log", "The log at level DEBUG hides the values", "yes", "yes", "no"),
)

VALUES = (
    Row("number_type", "The number 2.675", "`Decimal`", "`float`", "`str`"),
    Row("typed_dates", "A date, by the client's own typing", "`str`", "`datetime`", "`date`"),
    Row("digits_in_text", "… and a telephone number, then", "kept", "0412345678 becomes 412345678", "kept"),
    Row("iso_dates", "A date asked for in ISO 8601", "1999-12-31", "1999-12-31", "error 960"),
    Row("field_called_record_id", "A field called `recordId`", "kept", "overwritten", "kept"),
    Row("file_of_a_container", "The file in a container field", "the whole file", "the whole file", "not offered"),
    Row("file_that_is_cut_off", "… cut off once on its way", "the whole file", "`RequestException`", "not offered"),
    Row(
        "file_behind_the_token",
        "… on a server that wants the token for files too",
        *("the whole file", "an HTML page", "not offered"),
    ),
    Row("address_that_expired", "… at an address that expired", "`FileGoneError`", "an HTML page", "not offered"),
)

WRITING = (
    Row("records_written", "Creates, changes and deletes records", "no", "yes", "yes"),
    Row(
        "edit_of_what_others_changed",
        "Refuses to change what somebody else changed",
        *("does not write", "error 306", "error 306"),
    ),
    Row("scripts", "Runs scripts", "no", "yes", "yes"),
    Row("models", "Has models of layouts, with typed fields", "no", "no", "yes"),
    Row("data_frames", "Gives pandas data frames", "no", "yes", "no"),
    Row("filemaker_cloud", "Logs in with a Claris ID (FileMaker Cloud)", "no", "yes", "yes"),
)

SECTIONS = {
    "Reading": READING,
    "Sessions and servers that are away": SESSIONS,
    "Errors and secrets": TELLING,
    "Values and files": VALUES,
    "More than reading": WRITING,
}
ROWS = tuple(row for rows in SECTIONS.values() for row in rows)


def markdown() -> str:
    """Return the tables as the document shows them, a heading before each."""
    titles = {OURS: "this client", FMREST: f"{FMREST} {version(FMREST)}", FMDATA: f"{FMDATA} {version(FMDATA)}"}
    parts = []
    for heading, rows in SECTIONS.items():
        lines = [f"| | {' | '.join(titles[name] for name in CLIENTS)} |", f"|---|{'---|' * len(CLIENTS)}"]
        lines += [f"| {row.question} | {' | '.join(row.cells[name] for name in CLIENTS)} |" for row in rows]
        parts.append(f"### {heading}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
