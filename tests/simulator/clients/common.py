"""What the scenarios ask of every public client, whatever its own way of saying it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Query = dict[str, Any]


class PortalWindow(NamedTuple):
    """Rows of a portal: its object name, the 1-based first row and how many rows at most."""

    portal: str
    offset: int
    limit: int


@dataclass(frozen=True)
class Row:
    """A record as the client handed it out; the ids as text, whatever the client makes of them."""

    record_id: str
    mod_id: str
    fields: dict[str, Any]
    portals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class Refused(Exception):
    """The client raised an error: `kind` is its own class of error, `code` FileMaker's code as text."""

    def __init__(self, kind: str, code: str, message: str) -> None:
        super().__init__(f"{kind} {code}: {message}")
        self.kind = kind
        self.code = code
        self.message = message


class PublicClient(Protocol):
    """A client of somebody else, opened on one database; every method may raise Refused."""

    def layouts(self) -> list[str]:
        """Return the names of the layouts at the top of the tree."""

    def field_results(self, layout: str) -> dict[str, str]:
        """Return the result type of each field."""

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
        """Return one page of records; what is None is left to the client."""

    def everything(self, layout: str) -> list[Row]:
        """Return all records: with the client's own helper, or page by page when it has none."""

    def record(self, layout: str, record_id: str) -> Row:
        """Return one record."""

    def find(self, layout: str, query: list[Query], *, sort: list[dict[str, str]] | None = None) -> list[Row]:
        """Return the records that match."""

    def create(self, layout: str, fields: dict[str, Any]) -> str:
        """Create a record and return its record id."""

    def edit(self, layout: str, record_id: str, fields: dict[str, Any], *, mod_id: str | None = None) -> None:
        """Change a record, with `mod_id` only when it still has that modification id."""

    def delete(self, layout: str, record_id: str) -> None:
        """Delete a record."""

    def run_script(self, layout: str, script: str, parameter: str) -> tuple[str, str]:
        """Run a script and return its error and its result."""

    def log_in(self) -> None:
        """Log in again by hand; does nothing in a client that sees to it by itself."""

    def log_out(self) -> None:
        """Log out the session there is."""
