"""The files that one server hosts, which of them are open, and how one is reached from another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..behaviour.settings import SettingError
from ..data.accounts import Credentials
from ..data.dataset import DataSet
from ..errors import DataApiError, DataSetError


class Host:
    """The hosted databases; the first is the one that tests and the control mean when they name none."""

    def __init__(self, data_sets: Sequence[DataSet]) -> None:
        self._by_name = {data_set.database.casefold(): data_set for data_set in data_sets}
        if len(self._by_name) < len(data_sets):
            raise DataSetError("two hosted databases have the same name")
        self.first = data_sets[0]
        self._closed: frozenset[str] = frozenset()

    @property
    def data_sets(self) -> tuple[DataSet, ...]:
        """All hosted databases, closed ones too."""
        return tuple(self._by_name.values())

    def is_closed(self, data_set: DataSet) -> bool:
        """Say whether a database is closed."""
        return data_set.database.casefold() in self._closed

    def close_only(self, names: Iterable[str]) -> list[DataSet]:
        """Close these databases and open all others; return those that were open before.

        Raises SettingError for one that is not hosted.
        """
        wanted = {name.casefold(): self.named(name) for name in names}
        newly = [data_set for key, data_set in wanted.items() if key not in self._closed]
        self._closed = frozenset(wanted)
        return newly

    def named(self, name: str | None) -> DataSet:
        """Return a hosted database, the first without a name; raises SettingError when it is not hosted."""
        if name is None:
            return self.first
        found = self._by_name.get(name.casefold())
        if found is None:
            hosted = ", ".join(data_set.database for data_set in self.data_sets)
            raise SettingError(f"no database {name!r} is hosted; hosted: {hosted}")
        return found

    def open(self, name: str) -> DataSet:
        """Return the database as a client opens it; raises DataApiError 802 when it is closed or not hosted."""
        found = self._by_name.get(name.casefold())
        if found is None or self.is_closed(found):
            raise DataApiError(802)
        return found

    def open_data_source(self, name: str, credentials: Credentials) -> None:
        """Open another file for a layout that needs it.

        Raises DataApiError: 100 when it is not hosted, 802 when it is closed, 212 when the account is wrong.
        """
        if name.casefold() not in self._by_name:
            raise DataApiError(100)
        data_set = self.open(name)
        if data_set.accounts.account_of(credentials) is None:
            raise DataApiError(212)
