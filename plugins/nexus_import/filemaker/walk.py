"""The complete reading of a layout, page by page, while people go on working in FileMaker.

FileMaker has no snapshot: each page is a new evaluation. Two things make the reading complete all the same.
By key, a page asks for what follows the last key read, so that changes before it cannot shift it. At the end
the layout is compared with what it was at the start, and with what every page told of the table's size; when
rows came or went, it is read once more in creation order and only the differences are handed out.

Why that is a proof: a row that came and stayed is the newest at the end, one that went without another coming
makes the layout smaller, and one that came and went was either read, on a page that tells a larger table, or not.
Without any of these the rows of the start are those of the end, and as many distinct ones were read.

What it assumes: record ids are in the order of creation and are not given again. Where a server does give the id of
its newest record again after that was deleted, the new record is told from the old one by its modId and its key. It
is not when both are the same, in a walk without keys when the modId is, and for a record that was stored before an
interruption when the modId is.

An edit is no sign of movement unless it is the newest record's: a walk that did not move is not read a second time
only to find edits, which would double its price, and the next import brings them. A record is thus as it was at one
moment of the walk; where the layout is read again for another reason, newer modIds are handed out too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from functools import partial

from nexus_import.errors import ConfigurationError, FileMakerMovedError, FileMakerRequestError
from nexus_import.filemaker.answers import CODES_CRITERION_UNREADABLE
from nexus_import.filemaker.cursor import Cursor, Mark, Stage, WalkedPage, WalkSummary
from nexus_import.filemaker.pages import PageReader
from nexus_import.filemaker.reading import RecordReader
from nexus_import.filemaker.records import Page, Record, Sort

MAX_REREADS = 3

_log = logging.getLogger(__name__)


def walk_layout(
    client: RecordReader,
    layout: str,
    key_field: str | None,
    *,
    page_size: int | None = None,
    sort: tuple[Sort, ...] = (),
    after: Cursor | None = None,
    already_read: Mapping[str, str] | None = None,
    on_page: Callable[[WalkedPage], None] | None = None,
) -> LayoutWalk:
    """Return an iterator over the pages of a layout whose `summary` is set when it has ended.

    With `key_field` (sortable; best unique) the walk is by key; without it by offset, in the order of `sort`
    (which must be unique), by default in creation order. To continue an interrupted walk give the last stored
    page's cursor as `after` and modId by recordId of all stored pages as `already_read`.
    Raises FileMakerMovedError when records keep coming and going; the client's errors pass through.
    """
    return LayoutWalk(
        client,
        layout,
        key_field,
        page_size=page_size or client.page_size,
        sort=sort,
        after=after,
        already_read=already_read or {},
        on_page=on_page,
    )


class LayoutWalk(Iterator[WalkedPage]):
    """An iterator over the pages of one layout; memory holds ids of the records, and one page."""

    def __init__(
        self,
        client: RecordReader,
        layout: str,
        key_field: str | None,
        *,
        page_size: int,
        sort: tuple[Sort, ...],
        after: Cursor | None,
        already_read: Mapping[str, str],
        on_page: Callable[[WalkedPage], None] | None,
    ) -> None:
        if after is not None and after.read_count != len(already_read):
            raise ConfigurationError(
                f"The walk of {layout} cannot go on: its cursor counts {after.read_count} records,"
                f" {len(already_read)} were given. Start it anew."
            )
        self._layout = layout
        self._is_by_key = key_field is not None
        self._pages = PageReader(client, layout, key_field, page_size=page_size, sort=sort)
        self._after = after
        self._seen: dict[str, str] = dict(already_read)
        self._keys: dict[str, int] = {}  # hashes of keys by record id: what else tells a record from another
        self._on_page = on_page
        self._reread_count = 0
        self._cursor: Cursor
        self._summary: WalkSummary | None = None
        self._handed_out = self._walk()

    def __next__(self) -> WalkedPage:
        """Return the next page that has anything new."""
        return next(self._handed_out)

    @property
    def summary(self) -> WalkSummary:
        """What the finished walk read; raises RuntimeError before the last page was taken."""
        if self._summary is None:
            raise RuntimeError(f"The walk of {self._layout} has not ended.")
        return self._summary

    def _walk(self) -> Iterator[WalkedPage]:
        self._cursor = self._after or self._first_cursor()
        if self._cursor.stage == "keys":
            is_by_key_alone = yield from self._walk_keys()
            stage: Stage = "empty_keys" if is_by_key_alone else "offset"
            self._cursor = replace(self._cursor, stage=stage, key=None, offset=1)
        if self._cursor.stage == "empty_keys":
            yield from self._walk_offsets(self._pages.without_key)
        if self._cursor.stage == "offset":
            yield from self._walk_offsets(self._pages.in_order)
        self._cursor = replace(self._cursor, stage="reconcile", key=None, offset=1)
        yield from self._reconcile()

    def _first_cursor(self) -> Cursor:
        mark = self._pages.mark()
        self._pages.watch()
        return Cursor(
            stage="keys" if self._is_by_key else "offset",
            key=None,
            offset=1,
            page_count=0,
            read_count=0,
            found_at_start=mark.found_count,
            newest_at_start=mark.newest,
        )

    def _walk_keys(self) -> Generator[WalkedPage, None, bool]:
        """Read the records that have a key, in its order; return False when it came to a key that cannot be asked for.

        That is text in a number or date field: FileMaker keeps and sorts it, and refuses it as a criterion.

        Each page starts at the last key and not after it, so that no record of a key shared by several is
        lost at a page border; what was read already is left out. Only when a page brought nothing beyond that
        key does the next one skip what was returned. Keys are compared for equality only: their order is the
        server's business.
        """
        while True:
            cursor = self._cursor
            try:
                page = self._pages.by_key(cursor)
            except FileMakerRequestError as error:
                if cursor.key is None or error.code not in CODES_CRITERION_UNREADABLE:
                    raise
                _log.info("%s: a key is not of its field's type; going on by position", self._layout)
                return False
            if not page.records:
                return True
            fresh = self._fresh(page)
            last_key = self._pages.key_of(page.records[-1])
            is_same_key = cursor.key is not None and last_key.casefold() == cursor.key.casefold()
            if fresh and not is_same_key:
                self._cursor = replace(cursor, key=last_key, offset=1)
            else:
                self._cursor = replace(cursor, offset=cursor.offset + len(page.records))
            yield from self._hand_out(fresh)
            if _is_last(page, cursor.offset):
                return True

    def _walk_offsets(self, read: Callable[[Cursor], Page]) -> Iterator[WalkedPage]:
        while True:
            offset = self._cursor.offset
            page = read(self._cursor)
            if not page.records:
                return
            self._cursor = replace(self._cursor, offset=offset + len(page.records))
            yield from self._hand_out(self._fresh(page))
            if _is_last(page, offset):
                return

    def _reconcile(self) -> Iterator[WalkedPage]:
        """Read the layout again until it stood still meanwhile, unless it did not move in the first place."""
        start = Mark(self._cursor.found_at_start, self._cursor.newest_at_start)
        before = self._pages.mark()
        # A walk that goes on after an interruption reads again in any case: stored records may have been edited since.
        if self._after is None and before == start and self._pages.is_steady and len(self._seen) == before.found_count:
            self._finish(before, ())
            return
        while self._reread_count < MAX_REREADS:
            self._reread_count += 1
            _log.info(
                "%s moved while it was read: found %d at start, %d now, %d distinct read; reading again (%d of %d)",
                self._layout,
                start.found_count,
                before.found_count,
                len(self._seen),
                self._reread_count,
                MAX_REREADS,
            )
            present: set[str] = set()
            self._cursor = replace(self._cursor, offset=1)
            self._pages.watch()
            yield from self._walk_offsets(partial(self._read_present, present))
            after = self._pages.mark()
            if before == after and self._pages.is_steady and len(present) == after.found_count:
                self._finish(after, tuple(sorted(self._seen.keys() - present)))
                return
            before = after
        raise FileMakerMovedError(
            f"{self._layout} kept changing while it was read: found {start.found_count} at start,"
            f" {before.found_count} at the end, {len(self._seen)} distinct read, after"
            f" {MAX_REREADS} more readings. No complete reading could be proven, so none is used."
            " Clear the task when fewer people add or delete records there."
        )

    def _finish(self, end: Mark, vanished: tuple[str, ...]) -> None:
        self._summary = WalkSummary(
            found_at_start=self._cursor.found_at_start,
            found_at_end=end.found_count,
            distinct_read=len(self._seen),
            pages=self._cursor.page_count,
            requests=self._pages.request_count,
            rewalked=self._reread_count,
            vanished_record_ids=vanished,
        )

    def _read_present(self, present: set[str], cursor: Cursor) -> Page:
        page = self._pages.as_created(cursor)
        present.update(record.record_id for record in page.records)
        return page

    def _fresh(self, page: Page) -> tuple[Record, ...]:
        """Return the records that are new, have a newer modId or the id of one with another key; remember them."""
        keys = {record.record_id: hash(self._pages.key_of(record)) for record in page.records}
        fresh = tuple(
            record
            for record in page.records
            if self._seen.get(record.record_id) != record.mod_id
            or self._keys.get(record.record_id, keys[record.record_id]) != keys[record.record_id]
        )
        self._seen.update((record.record_id, record.mod_id) for record in fresh)
        self._keys.update(keys)
        return fresh

    def _hand_out(self, records: tuple[Record, ...]) -> Iterator[WalkedPage]:
        if not records:
            return
        self._cursor = replace(self._cursor, page_count=self._cursor.page_count + 1, read_count=len(self._seen))
        page = WalkedPage(
            number=self._cursor.page_count,
            records=records,
            cursor=self._cursor,
            read_count=self._cursor.read_count,
            found_at_start=self._cursor.found_at_start,
            is_reread=self._cursor.stage == "reconcile",
        )
        if self._on_page is not None:
            self._on_page(page)
        yield page


def _is_last(page: Page, offset: int) -> bool:
    # A page shorter than asked for is not the end: the server may have its own limit.
    return offset - 1 + len(page.records) >= page.found_count
