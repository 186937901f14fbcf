"""One hosted database: accounts, layouts, scripts, formats; can be put back as it was loaded."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import DataApiError, DataSetError
from . import building, dates, shapes
from .accounts import Accounts
from .dates import DatePattern
from .layouts import Layout
from .loading import databases_in, read_directory

__all__ = ["DataSet", "DataSetError"]


class DataSet:
    """One hosted database; `directory` is where the files of its containers are."""

    def __init__(self, description: Mapping[str, Any], directory: Path | None = None) -> None:
        self._description = description
        self.directory = directory
        shapes.check_database(description)
        self.database: str = description["database"]
        self.accounts = Accounts(description)
        self.scripts: dict[str, dict[str, str]] = dict(description.get("scripts", {}))
        try:
            self.date_pattern = DatePattern(description.get("dateFormat", dates.US_PATTERN))
        except ValueError as error:
            raise DataSetError(str(error)) from error
        self.layouts: dict[str, Layout] = {}
        self.reset()
        self.layout_tree: list[dict[str, Any]] = description.get(
            "layoutTree", [{"name": name} for name in self.layouts]
        )
        self.script_tree: list[dict[str, Any]] = description.get(
            "scriptTree", [{"name": name, "isFolder": False} for name in self.scripts]
        )

    @property
    def user(self) -> str:
        """The name of the first account."""
        return self.accounts.first.user

    @property
    def password(self) -> str:
        """The password of the first account."""
        return self.accounts.first.password

    @classmethod
    def read(cls, source: Path | str | Mapping[str, Any]) -> DataSet:
        """Load a directory of JSON and CSV files, or the same as a mapping with `layouts` as list or mapping."""
        with _no_garbage_collection():
            if isinstance(source, Mapping):
                return cls(source)
            directory = Path(source)
            return cls(read_directory(directory), directory)

    @classmethod
    def read_all(cls, source: Path | str | Mapping[str, Any]) -> list[DataSet]:
        """Load the data set of a directory or a mapping, or all those in the directories inside it."""
        if isinstance(source, Mapping):
            return [cls.read(source)]
        return [cls.read(directory) for directory in databases_in(Path(source))]

    def reset(self) -> None:
        """Put every layout and record back as the data set was loaded."""
        self.layouts = building.build_layouts(self._description.get("layouts", ()), self.directory)

    def layout(self, name: str) -> Layout:
        """Return the layout, or raise DataApiError 105."""
        found = self.layouts.get(name)
        if found is None:
            raise DataApiError(105)
        return found


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Collect nothing while millions of values are made and none is dropped: it halves the time of loading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
