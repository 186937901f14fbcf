"""python-fmrest of PyPI."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fmrest
from fmrest.exceptions import FileMakerError, FMRestException
from fmrest.record import Record

from tests.simulator.clients.common import PortalWindow, Query, Refused, Row

PAGE_SIZE_RECORDS = 100


class PythonFmrest:
    """Its `Server`; it logs in by hand and, when asked to, again by itself."""

    def __init__(
        self, url: str, database: str, user: str, password: str, *, ca_file: str, is_relogin_automatic: bool = False
    ) -> None:
        self.server = fmrest.Server(
            url,
            user,
            password,
            database,
            layout="",
            api_version="vLatest",
            verify_ssl=ca_file,
            auto_relogin=is_relogin_automatic,
        )
        self.log_in()

    def layouts(self) -> list[str]:
        with self._told():
            return [layout["name"] for layout in self.server.get_layouts()]

    def field_results(self, layout: str) -> dict[str, str]:
        with self._told():
            return {item["name"]: item["result"] for item in self.server.get_layout(layout)}

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
        given = {"offset": offset, "limit": limit, "sort": sort, "date_format": "iso-8601" if is_iso else None}
        options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if window is not None:
            options["portals"] = [{"name": window.portal, "offset": window.offset, "limit": window.limit}]
        with self._told():
            return [_row(record) for record in self.server.get_records(request_layout=layout, **options)]

    def everything(self, layout: str) -> list[Row]:
        """Read page by page: it has no helper (davidhamann/python-fmrest#12)."""
        rows: list[Row] = []
        while True:
            with self._told():
                found = self.server.get_records(request_layout=layout, offset=len(rows) + 1, limit=PAGE_SIZE_RECORDS)
                rows += [_row(record) for record in found]
            if len(rows) >= found.info["foundCount"]:
                return rows

    def record(self, layout: str, record_id: str) -> Row:
        with self._told():
            return _row(self.server.get_record(int(record_id), request_layout=layout))

    def find(self, layout: str, query: list[Query], *, sort: list[dict[str, str]] | None = None) -> list[Row]:
        with self._told():
            return [_row(record) for record in self.server.find(query, sort=sort, request_layout=layout)]

    def create(self, layout: str, fields: dict[str, Any]) -> str:
        with self._told():
            return str(self.server.create_record(fields, request_layout=layout))

    def edit(self, layout: str, record_id: str, fields: dict[str, Any], *, mod_id: str | None = None) -> None:
        with self._told():
            expected = None if mod_id is None else int(mod_id)
            assert self.server.edit_record(int(record_id), fields, mod_id=expected, request_layout=layout)

    def delete(self, layout: str, record_id: str) -> None:
        with self._told():
            assert self.server.delete_record(int(record_id), request_layout=layout)

    def run_script(self, layout: str, script: str, parameter: str) -> tuple[str, str]:
        with self._told():
            error, result = self.server.perform_script(script, parameter, request_layout=layout)
        return str(error), str(result)

    def download(self, address: str) -> bytes:
        """Fetch a file; an answer that is none is handed out like a file."""
        with self._told():
            _, _, _, answer = self.server.fetch_file(address)
        return bytes(answer.content)

    def log_in(self) -> None:
        with self._told():
            assert self.server.login()

    def log_out(self) -> None:
        with self._told():
            assert self.server.logout()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                yield
        except FileMakerError as error:
            raise Refused(type(error).__name__, str(self.server.last_error), str(error)) from error
        except FMRestException as error:
            raise Refused(type(error).__name__, "", str(error)) from error


def _row(record: Record) -> Row:
    fields = record.to_dict(ignore_portals=True, ignore_internal_ids=True)
    portals = {
        name.removeprefix("portal_"): [row.to_dict() for row in value]
        for name, value in record.to_dict().items()
        if name.startswith("portal_")
    }
    return Row(str(record.record_id), str(record.modification_id), fields, portals)
