"""The answer to S3's ListObjectsV2, quick enough for a bucket with tens of thousands of objects.

moto spends half a second of computing on each page of 1,000 keys; a listing of a clinic's files would take longer
than the rest of its import.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol
from urllib.parse import quote
from xml.sax.saxutils import escape

MAX_KEYS = 1000
# everything that sorts after a common prefix's last key, in the order of code points
LAST_CHARACTER = "\U0010ffff"


class StoredKey(Protocol):
    """What the listing shows of an object."""

    @property
    def name(self) -> str:
        """Name of the object in the bucket."""

    @property
    def size(self) -> int:
        """Size in bytes."""

    @property
    def etag(self) -> str:
        """Entity tag, in quotation marks."""

    @property
    def last_modified_ISO8601(self) -> str:  # noqa: N802
        """Time of the last change, as ISO 8601 in UTC."""

    @property
    def storage_class(self) -> str:
        """S3's storage class."""


def list_page(bucket: str, keys: Mapping[str, StoredKey], query: Mapping[str, str]) -> bytes:
    """Return one page as XML.

    `query` are the parameters of the request: prefix, delimiter, start-after, continuation-token, max-keys and
    encoding-type count. A continuation token is the last name of the page before.
    """
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    max_keys = min(int(query.get("max-keys") or MAX_KEYS), MAX_KEYS)
    token = query.get("continuation-token", "")
    after = base64.urlsafe_b64decode(token).decode() if token else query.get("start-after", "")
    found = _entries(sorted(name for name in list(keys) if name.startswith(prefix)), prefix, delimiter, after)
    page = list(islice(found, max_keys))
    is_truncated = bool(page) and next(found, None) is not None
    encode = _url_encode if query.get("encoding-type") == "url" else _xml_encode
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
        f"<Name>{bucket}</Name><Prefix>{encode(prefix)}</Prefix><MaxKeys>{max_keys}</MaxKeys>",
        f"<KeyCount>{len(page)}</KeyCount><IsTruncated>{str(is_truncated).lower()}</IsTruncated>",
    ]
    if delimiter:
        parts.append(f"<Delimiter>{encode(delimiter)}</Delimiter>")
    if query.get("encoding-type"):
        parts.append(f"<EncodingType>{escape(query['encoding-type'])}</EncodingType>")
    if query.get("start-after"):
        parts.append(f"<StartAfter>{encode(query['start-after'])}</StartAfter>")
    if token:
        parts.append(f"<ContinuationToken>{escape(token)}</ContinuationToken>")
    if is_truncated:
        last = base64.urlsafe_b64encode(page[-1][0].encode()).decode()
        parts.append(f"<NextContinuationToken>{last}</NextContinuationToken>")
    parts += [
        f"<CommonPrefixes><Prefix>{encode(name)}</Prefix></CommonPrefixes>"
        if is_folder
        else _contents(keys[name], encode(name))
        for name, is_folder in page
    ]
    return "".join([*parts, "</ListBucketResult>"]).encode()


def _entries(names: Iterable[str], prefix: str, delimiter: str, after: str) -> Iterator[tuple[str, bool]]:
    """Yield names and common prefixes in order, each with whether it is a common prefix."""
    skip_folder = ""
    for name in names:
        if name <= after or (skip_folder and name.startswith(skip_folder)):
            continue
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            yield name, False
            continue
        skip_folder = name[: end + len(delimiter)]
        # a folder that ended the page before is not given again
        if skip_folder != after:
            yield skip_folder, True


def _contents(key: StoredKey, name: str) -> str:
    return (
        f"<Contents><Key>{name}</Key><LastModified>{key.last_modified_ISO8601}</LastModified>"
        f"<ETag>{escape(key.etag)}</ETag><Size>{key.size}</Size>"
        f"<StorageClass>{key.storage_class}</StorageClass></Contents>"
    )


def _url_encode(text: str) -> str:
    return quote(text, safe="/")


def _xml_encode(text: str) -> str:
    return escape(text)
