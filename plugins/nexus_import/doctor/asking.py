"""How an item is looked at: what it needs must be well, and whatever goes wrong becomes its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import psycopg
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from nexus_import.core.doctor import Item, bad, skipped
from nexus_import.errors import NexusImportError
from nexus_import.nexus.database_errors import say

Look = Callable[[], Item | Iterable[Item]]


@dataclass
class Examination:
    """What was looked at so far, in order; `tell` is called with each item as soon as it is known."""

    tell: Callable[[Item], object] = lambda _: None
    items: list[Item] = field(default_factory=list)

    def look(self, name: str, look: Look, *needs: str) -> None:
        """Look at an item unless something it needs is ill; an error of ours becomes its line."""
        ill = [need for need in needs if not self.is_well(need)]
        if ill:
            self._note(skipped(name, f"not looked at: it needs {', '.join(ill)}"))
            return
        try:
            found = look()
            for item in [found] if isinstance(found, Item) else found:
                self._note(item)
        except NexusImportError as error:
            self._note(bad(name, str(error), "mend what the sentence names"))
        except psycopg.Error as error:
            self._note(bad(name, say(error), "mend it in the database, or correct the Airflow connection"))
        except Exception as error:
            # one thing that nobody thought of must not hide the others; what it says may hold a secret
            seen = f"it could not be looked at ({type(error).__name__})"
            self._note(bad(name, seen, "look whether its Airflow connection is complete, and what its extra holds"))

    def is_well(self, name: str) -> bool:
        """Tell whether an item that was looked at is no obstacle."""
        return any(item.name == name and item.is_well for item in self.items)

    def _note(self, item: Item) -> None:
        self.items.append(item)
        self.tell(item)


def find_connection(connection_id: str) -> Connection | None:
    """Return an Airflow connection, None when there is none or it cannot be read."""
    try:
        connection: Connection = BaseHook.get_connection(connection_id)
        _ = connection.extra_dejson
    except (AirflowNotFoundException, AirflowException, ValueError):
        return None
    return connection


def require_type(name: str, connection_id: str, *types: str) -> Iterator[Item]:
    """Yield what is wrong with an Airflow connection before it is used: that it is not there, or of another type."""
    connection = find_connection(connection_id)
    wanted = " or ".join(types)
    if connection is None:
        yield bad(
            name,
            f"there is no Airflow connection '{connection_id}', or it cannot be read",
            f"create it with the type {wanted} (docs/setting_up.md), or correct connections in the policy",
        )
    elif connection.conn_type not in types:
        yield bad(
            name, f"'{connection_id}' is of type '{connection.conn_type}'", f"make it a connection of type {wanted}"
        )
