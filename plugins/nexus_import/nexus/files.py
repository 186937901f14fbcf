"""The files that Nexus rows name: listed, compared with the rows, and some of them opened."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, LiteralString

from PIL import Image, UnidentifiedImageError
from psycopg import Connection

from nexus_import.errors import StorageError
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.storage import ListedObject, ObjectStore

LISTED = (
    "CREATE TEMPORARY TABLE listed_object (key text PRIMARY KEY, byte_count bigint NOT NULL) ON COMMIT DROP",
    "CREATE TEMPORARY VIEW named_object AS"
    " SELECT 'document' AS entity, id, filemaker_id, s3_key AS key, file_size FROM nexus_work.documents_document"
    " UNION ALL SELECT 'image', id, filemaker_id, s3_key, file_size FROM nexus_work.images_image"
    " UNION ALL SELECT 'image', id, filemaker_id, s3_thumbnail_key, NULL FROM nexus_work.images_image"
    " WHERE s3_thumbnail_key <> ''",
)
_MADE_NAME = re.compile(r"[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""A number, a date or an id: no person thinks of such a name."""
_EXTENSIONS = re.compile(
    r"bmp|csv|dcm|docx?|gif|heic|html?|jpe?g|mov|mp4|odt|pdf|png|rtf|tiff?|txt|webp|xlsx?|xml|zip", re.IGNORECASE
)


@dataclass(frozen=True)
class FileSample:
    """A row whose file is opened."""

    nexus_id: Any
    filemaker_id: str | None
    key: str
    mime_type: str


def check_listing(
    connection: Connection[Any],
    objects: Iterable[ListedObject],
    severity: Callable[[str, str], str],
    folders: Iterable[str],
) -> list[CheckResult]:
    """Compare the storage listing with the rows, both ways; memory does not grow with either.

    `folders` are the prefixes that were listed: their names may be shown.
    """
    known = frozenset(part for folder in folders for part in folder.split("/"))
    for statement in LISTED:
        connection.execute(statement)
    with connection.cursor().copy("COPY listed_object FROM STDIN") as copy:
        for listed in objects:
            copy.write_row((listed.key, listed.byte_count))
    connection.execute("ANALYZE listed_object")
    return [
        CheckResult(
            "phase_8/files_exist",
            "No 404 for a file on S3: every object that a row names is there",
            severity("phase_8/files_exist", "stop"),
            "Put the objects back from a copy of the bucket, or remove the rows in Nexus",
            _findings(
                connection,
                "SELECT entity, NULL, filemaker_id::text, id, 's3_key', 'no such object' FROM named_object"
                " WHERE NOT EXISTS (SELECT FROM listed_object WHERE listed_object.key = named_object.key)",
            ),
        ),
        CheckResult(
            "phase_8/file_sizes_agree",
            "Every object has the size that its row says",
            severity("phase_8/file_sizes_agree", "warn"),
            "Open the files: one that was cut off must be put back from a copy of the bucket",
            _findings(
                connection,
                "SELECT entity, NULL, filemaker_id::text, id, 'file_size',"
                " file_size || ' bytes in the row, ' || byte_count || ' in the object'"
                " FROM named_object JOIN listed_object USING (key) WHERE file_size <> byte_count",
            ),
            own_severity="warn",
        ),
        CheckResult(
            "phase_8/objects_have_rows",
            "Every object of a document or image is named by a row",
            severity("phase_8/objects_have_rows", "warn"),
            "Nobody sees these files in Nexus: ask who put them there before anything is removed",
            [
                Finding("object", field="s3_key", detail=shown_key(key, known))
                for (key,) in connection.execute(
                    "SELECT key FROM listed_object WHERE NOT EXISTS"
                    " (SELECT FROM named_object WHERE named_object.key = listed_object.key) ORDER BY key"
                )
            ],
            own_severity="warn",
        ),
    ]


def shown_key(key: str, known: Collection[str]) -> str:
    """Return a key that may be shown: of every part that a person may have named only "…" is left.

    What stays are ids, numbers, dates, the folders that are `known`, and the usual extensions.
    """
    *folders, name = key.split("/")
    stem, _, extension = name.rpartition(".") if "." in name else (name, "", "")
    shown = [part if part in known or _MADE_NAME.fullmatch(part) else "…" for part in folders]
    shown.append(stem if _MADE_NAME.fullmatch(stem) else "…")
    return "/".join(shown) + (f".{extension}" if _EXTENSIONS.fullmatch(extension) else "")


def _findings(connection: Connection[Any], query: LiteralString) -> list[Finding]:
    return [Finding(*row) for row in connection.execute(query)]


def sample_files(connection: Connection[Any], table: str, limit: int) -> list[FileSample]:
    """Return a random sample of the rows of documents_document or images_image."""
    query = {
        "documents_document": "SELECT id, filemaker_id::text, s3_key, mime_type FROM nexus_work.documents_document"
        " ORDER BY random() LIMIT %s",
        "images_image": "SELECT id, filemaker_id::text, s3_key, mime_type FROM nexus_work.images_image"
        " ORDER BY random() LIMIT %s",
    }[table]
    return [FileSample(*row) for row in connection.execute(query, (limit,))]


def check_downloads(
    store: ObjectStore, samples: Iterable[FileSample], severity: Callable[[str, str], str]
) -> CheckResult:
    """Download sampled documents; an empty or unreadable one is a finding."""
    findings = []
    for sample in samples:
        body = _download(store, "document", sample)
        if not body:
            why = "cannot be downloaded" if body is None else "is empty"
            findings.append(Finding("document", None, sample.filemaker_id, sample.nexus_id, "s3_key", why))
    return CheckResult(
        "phase_8/documents_download",
        "Documents download correctly (sampled)",
        severity("phase_8/documents_download", "stop"),
        "Put the objects back from a copy of the bucket",
        findings,
    )


def _download(store: ObjectStore, entity: str, sample: FileSample) -> bytes | None:
    """Return a file's bytes, None when it is not there; raise `StorageError` that names the row and not the key.

    People name files after patients. The error is raised from none: what it came from holds the key, too.
    """
    try:
        return store.find_bytes(sample.key, shown=f"the file of {entity} {sample.nexus_id}")
    except StorageError as error:
        raise StorageError(str(error)) from None


def check_images(store: ObjectStore, samples: Iterable[FileSample], severity: Callable[[str, str], str]) -> CheckResult:
    """Download and decode sampled images; imported "images" may be PDF files."""
    findings = []
    for sample in samples:
        body = _download(store, "image", sample)
        if body is None or not _is_displayable(body):
            findings.append(
                Finding("image", None, sample.filemaker_id, sample.nexus_id, "s3_key", "cannot be displayed")
            )
    return CheckResult(
        "phase_8/images_display",
        "Images display correctly (sampled and decoded)",
        severity("phase_8/images_display", "stop"),
        "Put the objects back from a copy of the bucket",
        findings,
    )


def _is_displayable(body: bytes) -> bool:
    if body.startswith(b"%PDF-"):
        return True
    try:
        with Image.open(io.BytesIO(body)) as image:
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return False
    return True
