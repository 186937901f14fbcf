"""Records of a layout: pages, finds, single ones, and the rows of their portals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nexus_import.errors import ConfigurationError, FileMakerRequestError
from nexus_import.filemaker.answers import CODE_NO_MATCH, CODE_RECORD_MISSING, Answer, Call
from nexus_import.filemaker.exchange import Exchange
from nexus_import.filemaker.metadata import Asked, Metadata
from nexus_import.filemaker.portals import PortalPage, all_rows, read_portal_page, read_portals
from nexus_import.filemaker.queries import DATE_FORMAT_CODES, DateFormat, Window, find_body, page_query, record_query
from nexus_import.filemaker.records import NOTHING_FOUND, Page, Portal, Record, Sort, read_record
from nexus_import.filemaker.request import Database, Request
from nexus_import.filemaker.sessions import Session


class RecordReader:
    """Reads records; the part of the client that the walk of a layout stands on."""

    def __init__(
        self, exchange: Exchange, database: Database, metadata: Metadata, *, page_size: int, date_format: DateFormat
    ) -> None:
        if page_size < 1:
            raise ConfigurationError("The page_size of the FileMaker client starts at 1.")
        if date_format not in DATE_FORMAT_CODES:
            raise ConfigurationError(f"date_format must be 'us' or 'iso', not '{date_format}'.")
        self.page_size = page_size
        self._exchange = exchange
        self._database = database
        self._metadata = metadata
        self._dateformats = DATE_FORMAT_CODES[date_format]

    def found_count(self, layout: str) -> int:
        """Return how many records the layout shows to this account."""
        return self.get_records(layout, limit=1).found_count

    def get_records(
        self,
        layout: str,
        *,
        offset: int = 1,
        limit: int | None = None,
        sort: Sequence[Sort] = (),
        portals: Sequence[Portal] = (),
        is_timeout_retried: bool = True,
    ) -> Page:
        """Return `limit` records (default: the page size) from the 1-based `offset`.

        Without `sort` they come in creation order. Past the end, and on an empty layout, the page is empty.
        Portals are read only when named, then with all their rows or with those of the range.
        """
        window = self._window(offset, limit, sort, portals)
        request = self._database.of_layout(
            "GET",
            layout,
            "records",
            params=page_query(window, self._dateformats),
            is_timeout_retried=is_timeout_retried,
        )
        return self._page(request, window, Asked(sort_fields=_names(sort), portals=_portal_names(portals)))

    def find(
        self,
        layout: str,
        query: Sequence[Mapping[str, str]],
        *,
        sort: Sequence[Sort] = (),
        offset: int = 1,
        limit: int | None = None,
        portals: Sequence[Portal] = (),
        is_timeout_retried: bool = True,
    ) -> Page:
        """Return the records that match: fields of one mapping are joined by AND, the mappings by OR.

        Criteria are FileMaker's (`==text`, `>=text`, `*`, `=`); `records.escape_criterion` makes a value
        literal; a mapping with `"omit": "true"` takes its records away. No match is an empty page.
        """
        window = self._window(offset, limit, sort, portals)
        request = self._database.of_layout(
            "POST",
            layout,
            "_find",
            body=find_body(query, window, self._dateformats),
            is_timeout_retried=is_timeout_retried,
        )
        fields = [name for criteria in query for name in criteria if name != "omit"]
        return self._page(request, window, Asked(fields, _names(sort), _portal_names(portals)))

    def record(
        self, layout: str, record_id: str, *, portals: Sequence[Portal] = (), session: Session | None = None
    ) -> Record:
        """Return one record by its record id; raises FileMakerRequestError (code 101) when it is gone.

        `session` is one that is held already, for those who need the answer in the same session.
        """
        _check_portals(portals)
        request = self._database.of_layout(
            "GET", layout, "records", record_id, params=record_query(portals, self._dateformats)
        )
        answer = self._metadata.ask(request, Asked(portals=_portal_names(portals)), session)
        records = self._read_page(answer, request, portals, session).records
        if not records:
            raise _wrong_shape(answer, request.call)
        return records[0]

    def _window(self, offset: int, limit: int | None, sort: Sequence[Sort], portals: Sequence[Portal]) -> Window:
        if offset < 1 or (limit is not None and limit < 1):
            raise ConfigurationError(f"Records are counted from 1: offset {offset} and limit {limit} ask for none.")
        _check_portals(portals)
        return Window(limit or self.page_size, offset, sort, portals)

    def _page(self, request: Request, window: Window, asked: Asked) -> Page:
        answer = self._exchange.send(request)
        if answer.code in (CODE_RECORD_MISSING, CODE_NO_MATCH):
            return NOTHING_FOUND
        if not answer.is_ok:
            raise self._metadata.refusal(answer, request, asked)
        return self._read_page(answer, request, window.portals)

    def _read_page(
        self, answer: Answer, request: Request, portals: Sequence[Portal], session: Session | None = None
    ) -> Page:
        """Return the page of an answer; raises FileMakerRequestError on another shape, as of FileMaker 17."""
        where = request.call.where
        try:
            info, items = answer.response["dataInfo"], answer.response["data"]
            records = tuple(read_record(item) for item in items)
            first_pages = [read_portals(item, portals, where) for item in items]
            page = Page(records, int(info["foundCount"]), int(info["totalRecordCount"]))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _wrong_shape(answer, request.call) from None
        if not portals:
            return page
        layout = request.call.layout
        with_rows = [
            self._with_rows(record, layout, pages, portals, session)
            for record, pages in zip(records, first_pages, strict=True)
        ]
        return replace(page, records=tuple(with_rows))

    def _with_rows(
        self,
        record: Record,
        layout: str,
        first_pages: Mapping[str, PortalPage],
        portals: Sequence[Portal],
        session: Session | None,
    ) -> Record:
        def read(portal: Portal) -> PortalPage:
            request = self._database.of_layout(
                "GET", layout, "records", record.record_id, params=record_query([portal], self._dateformats)
            )
            answer = self._metadata.ask(request, Asked(portals=[portal.name]), session)
            try:
                return read_portal_page(answer.response["data"][0], portal.name, request.call.where)
            except (KeyError, IndexError, TypeError, ValueError, AttributeError):
                raise _wrong_shape(answer, request.call) from None

        where = f"record {record.record_id} of layout {layout}"
        rows = {portal.name: all_rows(portal, first_pages[portal.name], read, where) for portal in portals}
        return replace(record, portals=rows)


def _check_portals(portals: Sequence[Portal]) -> None:
    for portal in portals:
        if portal.offset < 1 or (portal.limit is not None and portal.limit < 1):
            raise ConfigurationError(f"Rows of portal '{portal.name}' are counted from 1, offset and limit.")
    if len(set(_portal_names(portals))) != len(portals):
        raise ConfigurationError("Each portal can be asked for once in a request.")


def _portal_names(portals: Sequence[Portal]) -> list[str]:
    return [portal.name for portal in portals]


def _names(sort: Sequence[Sort]) -> list[str]:
    return [criterion.field for criterion in sort]


def _wrong_shape(answer: Answer, call: Call) -> FileMakerRequestError:
    return FileMakerRequestError(
        f"The answer to {call.where} lacks records or counts. FileMaker Server 18 or newer is needed.",
        http_status=answer.http_status,
        where=call.where,
    )
