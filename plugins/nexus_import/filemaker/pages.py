"""The requests of a walk: a page by key, by offset or in creation order, smaller when the server is too slow."""

from __future__ import annotations

import logging
from collections.abc import Callable

from nexus_import.filemaker.cursor import Cursor, Mark, PageSize
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.reading import RecordReader
from nexus_import.filemaker.records import Page, Record, Sort, escape_criterion, value_text

_log = logging.getLogger(__name__)


class PageReader:
    """Reads pages of one layout; `request_count` counts requests, those that timed out too.

    `is_steady` turns False when a page tells another size of the table than the mark did from which it is watched:
    rows that come and go between two marks leave no other trace.
    """

    def __init__(
        self, client: RecordReader, layout: str, key_field: str | None, *, page_size: int, sort: tuple[Sort, ...]
    ) -> None:
        self._client = client
        self._layout = layout
        self._key_field = key_field
        self._sort = sort
        self._size = PageSize(page_size)
        self._total_count = self._last_total_count = 0
        self.request_count = 0
        self.is_steady = True

    def mark(self) -> Mark:
        """Return the layout's state: unsorted records come in creation order, so the last is the newest."""
        self.request_count += 1
        page = self._noted(self._client.get_records(self._layout, limit=1))
        found_count = page.found_count
        if found_count > 1:
            self.request_count += 1
            page = self._noted(self._client.get_records(self._layout, offset=found_count, limit=1))
        if not page.records:
            return Mark(found_count, "")
        newest = page.records[-1]
        return Mark(found_count, f"{newest.record_id} {newest.mod_id} {self.key_of(newest)}".rstrip())

    def watch(self) -> None:
        """Watch from the last mark on whether rows come or go."""
        self._total_count = self._last_total_count
        self.is_steady = True

    def key_of(self, record: Record) -> str:
        """Return the key of a record, "" in a walk without keys."""
        return value_text(record.fields.get(self._key_field, "")) if self._key_field else ""

    def by_key(self, cursor: Cursor) -> Page:
        """Return records with a key, in its order, from the cursor's key on."""
        key_field = str(self._key_field)
        criterion = "*" if cursor.key is None else f">={escape_criterion(cursor.key)}"
        return self._fetch(
            lambda limit: self._client.find(
                self._layout,
                [{key_field: criterion}],
                sort=[Sort(key_field)],
                offset=cursor.offset,
                limit=limit,
                is_timeout_retried=self._size.is_smallest,
            )
        )

    def without_key(self, cursor: Cursor) -> Page:
        """Return records without a key."""
        return self._fetch(
            lambda limit: self._client.find(
                self._layout,
                [{str(self._key_field): "="}],
                offset=cursor.offset,
                limit=limit,
                is_timeout_retried=self._size.is_smallest,
            )
        )

    def in_order(self, cursor: Cursor) -> Page:
        """Return records in the order of the walk's sort, by default of creation."""
        return self._by_offset(cursor, self._sort)

    def as_created(self, cursor: Cursor) -> Page:
        """Return records in the order of creation."""
        return self._by_offset(cursor, ())

    def _by_offset(self, cursor: Cursor, sort: tuple[Sort, ...]) -> Page:
        return self._fetch(
            lambda limit: self._client.get_records(
                self._layout,
                offset=cursor.offset,
                limit=limit,
                sort=sort,
                is_timeout_retried=self._size.is_smallest,
            )
        )

    def _fetch(self, read: Callable[[int], Page]) -> Page:
        """Return a page, asking for fewer records each time the server does not answer in time."""
        while True:
            self.request_count += 1
            try:
                page = read(self._size.records)
            except FileMakerTimedOutError:
                if self._size.is_smallest:
                    raise
                self._size.shrink()
                _log.warning("%s: no answer in time; going on with %d records a page", self._layout, self._size.records)
            else:
                self._size.note_success()
                return self._noted(page)

    def _noted(self, page: Page) -> Page:
        """Compare the size of the table with what it was; a page that found nothing does not tell it."""
        if page.records:
            self.is_steady = self.is_steady and page.total_count == self._total_count
            self._last_total_count = page.total_count
        return page
