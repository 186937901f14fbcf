"""fmdata of PyPI, by its client; its models are in test_fmdata_models.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fmdata
from fmdata.client import LoginFailedException, LoginRetriedTooFastException
from fmdata.results import BaseResult, Data, FileMakerErrorException

from tests.simulator.clients.common import PortalWindow, Query, Refused, Row

FIND_LIMIT_RECORDS = 500


class Fmdata:
    """Its `Client`; it logs in with the first call and again when the token is gone."""

    def __init__(self, url: str, database: str, user: str, password: str, *, ca_file: str) -> None:
        self.client = fmdata.Client(
            url=url,
            database=database,
            login_provider=fmdata.UsernamePasswordLogin(user, password),
            version="22",
            verify_ssl=ca_file,
            too_fast_login_retry_timeout=None,  # else it refuses to log in again within a second
        )
        with _told():
            self.client.safe_login_if_not()

    def layouts(self) -> list[str]:
        return [layout.name for layout in self._good(self.client.get_layouts()).response.layouts]

    def field_results(self, layout: str) -> dict[str, str]:
        answer = self._good(self.client.get_layout(layout=layout)).response
        return {item.name: item.result for item in answer.field_meta_data}

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
        options: dict[str, Any] = {"limit": limit, "sort": sort, "offset": offset or 1}
        if window is not None:
            options["portals"] = {window.portal: {"offset": window.offset, "limit": window.limit}}
        if is_iso:
            options["date_formats"] = 2
        return _rows(self._good(self.client.get_records(layout, **options)))

    def everything(self, layout: str) -> list[Row]:
        with _told():
            pages = list(self.client.get_records_paginated(layout=layout).pages)
        return [row for page in pages for row in _rows(page.result)]

    def record(self, layout: str, record_id: str) -> Row:
        return _rows(self._good(self.client.get_record(layout, record_id)))[0]

    def find(self, layout: str, query: list[Query], *, sort: list[dict[str, str]] | None = None) -> list[Row]:
        # Without a limit it sends the text "None".
        found = self._good(self.client.find(layout, query, sort=sort, limit=FIND_LIMIT_RECORDS))
        return _rows(found)

    def create(self, layout: str, fields: dict[str, Any]) -> str:
        return str(self._good(self.client.create_record(layout, fields)).response.record_id)

    def edit(self, layout: str, record_id: str, fields: dict[str, Any], *, mod_id: str | None = None) -> None:
        self._good(self.client.edit_record(layout, record_id, fields, mod_id=mod_id))

    def delete(self, layout: str, record_id: str) -> None:
        self._good(self.client.delete_record(layout, record_id))

    def run_script(self, layout: str, script: str, parameter: str) -> tuple[str, str]:
        answer = self._good(self.client.perform_script(layout, script, param=parameter)).response
        return answer.script_error, answer.script_result

    def log_in(self) -> None:
        """Do nothing: the next call logs in."""

    def log_out(self) -> None:
        self._good(self.client.logout())

    @staticmethod
    def _good(result: Any) -> Any:
        with _told(result):
            return result.raise_exception_if_has_error()


@contextmanager
def _told(result: BaseResult | None = None) -> Iterator[None]:
    try:
        yield
    except FileMakerErrorException as error:
        code = result.errors[0].code if result is not None else _code(error)
        raise Refused(type(error).__name__, str(code), str(error)) from error
    except LoginFailedException as error:
        raise Refused(type(error).__name__, _code(error.__cause__), str(error)) from error
    except LoginRetriedTooFastException as error:
        raise Refused(type(error).__name__, "", str(error)) from error


def _code(error: BaseException | None) -> str:
    """Return the code in the text of its error, which has no attribute for it."""
    return str(error).partition("returned error ")[2].partition(",")[0]


def _rows(result: Any) -> list[Row]:
    return [_row(data) for data in result.response.data or ()]


def _row(data: Data) -> Row:
    names = [info.portal_object_name or info.table for info in data.portal_data_info or ()]
    portals = {name: [{"recordId": row.record_id, **row.fields} for row in data.portal_data[name]] for name in names}
    return Row(data.record_id, str(data.mod_id), dict(data.field_data), portals)
