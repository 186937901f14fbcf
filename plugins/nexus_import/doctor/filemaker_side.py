"""The doctor's look at FileMaker, or at its exported files: as the connection's test and phase 0 do it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from nexus_import import clock
from nexus_import.core.doctor import Item, bad, good, warning
from nexus_import.core.mapping import EntityMapping
from nexus_import.doctor.asking import Examination, find_connection, require_type
from nexus_import.errors import NexusImportError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.diagnosis import diagnose
from nexus_import.filemaker.files_hook import FileMakerFilesHook
from nexus_import.filemaker.hook import FileMakerHook
from nexus_import.filemaker.source import DataApiSource, Source, find_source_mistakes
from nexus_import.phases.validate import is_absent
from nexus_import.settings import Settings

SOURCE = "FileMaker"
LAYOUTS = "layouts and fields"


@dataclass
class FileMakerSide:
    """Looks at where the records come from."""

    settings: Settings
    ahead_seconds: float | None = None

    def examine(self, examination: Examination) -> None:
        """Look at the connection, then at what stands behind it."""
        connection_id = self.settings.policy.connections.filemaker
        name = f"connection {connection_id}"
        types = (FileMakerHook.conn_type, FileMakerFilesHook.conn_type)
        examination.look(name, lambda: _exists(name, connection_id, types))
        found = find_connection(connection_id)
        if found is not None and found.conn_type == FileMakerFilesHook.conn_type:
            examination.look(SOURCE, self._files, name)
            return
        examination.look(SOURCE, self._log_in, name)
        examination.look(LAYOUTS, self._layouts, SOURCE, "mapping files")

    def _log_in(self) -> Item:
        with self._client() as client:
            is_good, sentence = diagnose(client, ())
            if not is_good:
                return bad(SOURCE, sentence, "then test the connection again: airflow connections test")
            seen = f"logged in at {client.address} to database '{client.database}' as '{client.username}'"
            before = clock.now()
            if told := client.server_time():
                middle = before + (clock.now() - before) / 2
                self.ahead_seconds = (told - middle) / timedelta(seconds=1)
            if client.address.startswith("http://") and not client.address.startswith(
                ("http://127.", "http://localhost")
            ):
                return warning(SOURCE, f"{seen}, not encrypted", "write https:// in the host of the connection")
        return good(SOURCE, seen)

    def _layouts(self) -> Item:
        with self._client() as client:
            source = DataApiSource(client)
            mistakes = list(_mistakes(source, self.settings))
            if mistakes:
                return bad(LAYOUTS, "\n".join(mistakes), "then run the doctor again")
            present = [each for each in self.settings.read_mappings() if not is_absent(source, each)]
            is_good, sentence = diagnose(client, [mapping.layout for mapping in present])
            if not is_good:
                return bad(LAYOUTS, sentence, "then run the doctor again")
            fields = sum(len(mapping.fields()) for mapping in present)
        return good(LAYOUTS, f"{len(present)} layouts can be read, with all {fields} mapped fields")

    def _client(self) -> FileMakerClient:
        # what is told is how things are now
        return FileMakerHook(self.settings.policy.connections.filemaker, retry_attempts=1).get_conn()

    def _files(self) -> Item:
        hook = FileMakerFilesHook(self.settings.policy.connections.filemaker)
        is_good, sentence = hook.test_connection()
        if not is_good:
            return bad(SOURCE, sentence, "export the files again (docs/setting_up.md, Importing from exported files)")
        return good(SOURCE, sentence)


def _exists(name: str, connection_id: str, types: tuple[str, ...]) -> Iterable[Item]:
    wrong = list(require_type(name, connection_id, *types))
    return wrong or [good(name, "there, of a type that records can be read from")]


def _mistakes(source: Source, settings: Settings) -> Iterator[str]:
    """Yield what `verify_filemaker` would say about layouts and fields."""
    present: list[EntityMapping] = [each for each in settings.read_mappings() if not is_absent(source, each)]
    read = {mapping.entity for mapping in present}
    again = [mapping for mapping in settings.mappings.values() if mapping.records_of in read]
    try:
        yield from (str(mistake) for mistake in find_source_mistakes(source, [*present, *again]))
    except NexusImportError as error:
        yield str(error)
