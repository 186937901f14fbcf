"""The Airflow hook of the connection type `filemaker_files`: exported files in place of the Data API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import BaseHook

from nexus_import.core.include import include_folder
from nexus_import.core.mapping import load_mappings
from nexus_import.errors import ConfigurationError, NexusImportError
from nexus_import.filemaker.files import FilesSource
from nexus_import.filemaker.files_layout import FileOptions
from nexus_import.filemaker.source import require_fields

DELIMITER_WORDS = {"comma": ",", "semicolon": ";", "tab": "\t"}


class FileMakerFilesHook(BaseHook):
    """Opens the folder of an Airflow connection of type `filemaker_files`.

    The connection's host is the folder, unless extra has `folder`; extra may hold `encoding` (codec of text
    files without byte order mark), `delimiter` (comma, semicolon, tab or the character) and `date_order` (mdy
    or dmy).
    """

    conn_name_attr = "filemaker_files_conn_id"
    default_conn_name = "filemaker_default"
    conn_type = "filemaker_files"
    hook_name = "FileMaker exported files"

    def __init__(self, filemaker_files_conn_id: str = default_conn_name) -> None:
        """Keep the connection's id."""
        super().__init__()
        self.filemaker_files_conn_id = filemaker_files_conn_id

    def get_conn(self) -> FilesSource:
        """Return the folder as a source of records; raises `ConfigurationError` when an option is wrong."""
        connection = self.get_connection(self.filemaker_files_conn_id)
        extra = connection.extra_dejson
        folder = Path(extra.get("folder") or connection.host or "")
        if not folder.is_absolute():
            raise ConfigurationError(
                f"The Airflow connection '{self.filemaker_files_conn_id}' needs the folder of the exported files as "
                "its host: a whole path, such as /exports/filemaker."
            )
        return FilesSource(folder, _options(extra))

    def test_connection(self) -> tuple[bool, str]:
        """Read every mapped layout's file whole; return whether all are good, and a sentence for each that is not."""
        try:
            source = self.get_conn()
            mappings = load_mappings(include_folder() / "mapping")
        except NexusImportError as error:
            return False, str(error)
        record_count, mistakes = 0, []
        for mapping in mappings.values():
            try:
                require_fields(source, mapping)
                record_count += source.found_count(mapping)
            except NexusImportError as error:
                mistakes.append(str(error))
        if mistakes:
            return False, " ".join(dict.fromkeys(mistakes))
        return True, f"All {len(mappings)} layouts are there; their files hold {record_count:,} records."


def _options(extra: dict[str, Any]) -> FileOptions:
    given = {name: str(extra[name]) for name in ("encoding", "delimiter", "date_order") if extra.get(name)}
    if delimiter := given.get("delimiter"):
        given["delimiter"] = DELIMITER_WORDS.get(delimiter.casefold(), delimiter)
    return FileOptions(**given)  # type: ignore[arg-type]  # it checks the words itself
