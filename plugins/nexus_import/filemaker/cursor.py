"""Where the walk of a layout stands, and what it hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from nexus_import.filemaker.records import Record

MIN_PAGE_SIZE_RECORDS = 50
PAGES_BEFORE_GROWTH = 3
GROWTH_FACTOR = 1.5

Stage = Literal["keys", "empty_keys", "offset", "reconcile"]


class Mark(NamedTuple):
    """What tells one state of a layout from another: its size and its newest record (creation order).

    `newest` is that record's id, modId and, in a walk by key, key: a record that came in the place of a deleted one
    under the same id has another key.
    """

    found_count: int
    newest: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a walk stands after a page; small and without health data, so it may be stored anywhere.

    `offset` is 1-based within the found set of the stage. The state of the layout at the start is kept, so
    that a walk that is continued hours later still notices what moved since.
    """

    stage: Stage
    key: str | None
    offset: int
    page_count: int
    read_count: int
    found_at_start: int
    newest_at_start: str

    def to_dict(self) -> dict[str, Any]:
        """Return the cursor as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cursor:
        """Return the cursor of `to_dict`; raises TypeError when a part is missing or unknown."""
        return cls(**values)


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """New records of a layout, in the order they were read.

    A record id that an earlier page has too replaces that record: its modId is newer. `number` starts at 1
    and goes on counting when a walk is continued; `read_count` is how many distinct records the pages up to
    this one hold.
    """

    number: int
    records: tuple[Record, ...]
    cursor: Cursor
    read_count: int
    found_at_start: int
    is_reread: bool


@dataclass(frozen=True, slots=True)
class WalkSummary:
    """What a finished walk read; the layout now has `distinct_read` less the vanished records.

    `vanished_record_ids` were handed out and then deleted in FileMaker: the caller drops them.
    """

    found_at_start: int
    found_at_end: int
    distinct_read: int
    pages: int
    requests: int
    rewalked: int
    vanished_record_ids: tuple[str, ...]


class PageSize:
    """Halves when the server is too slow for a page, and grows back slowly.

    It waits for some good pages before it grows, and for twice as many each time a size that it had grown to was
    too large after all: a time-out costs a minute and a session.
    """

    def __init__(self, records: int) -> None:
        self._limit = records
        self._floor = min(records, MIN_PAGE_SIZE_RECORDS)
        self._patience = PAGES_BEFORE_GROWTH
        self._good_pages = 0
        self._has_grown = False
        self.records = records

    @property
    def is_smallest(self) -> bool:
        """Whether it cannot shrink any more."""
        return self.records <= self._floor

    def shrink(self) -> None:
        """Halve it, after a time-out."""
        if self._has_grown:
            self._patience *= 2
        self._has_grown = False
        self._good_pages = 0
        self.records = max(self.records // 2, self._floor)

    def note_success(self) -> None:
        """Count a page that came in time; after enough of them ask for more again."""
        self._good_pages += 1
        if self._good_pages >= self._patience and self.records < self._limit:
            self._good_pages = 0
            self._has_grown = True
            self.records = min(int(self.records * GROWTH_FACTOR), self._limit)
