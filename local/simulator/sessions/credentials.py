"""What a log-in offers: in its headers for the database itself, in its body for others."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from ..data.accounts import BASIC, CLARIS_ID, OAUTH, UNKNOWN, Credentials
from ..errors import DataApiError

OAUTH_REQUEST_HEADER: Final = "x-fm-data-oauth-request-id"
OAUTH_IDENTIFIER_HEADER: Final = "x-fm-data-oauth-identifier"


def read_credentials(headers: Mapping[str, str]) -> Credentials | None:
    """Return what the headers of a log-in offer, None when they offer nothing.

    Raises DataApiError 212 for a Basic header that cannot be decoded.
    """
    request_id, identifier = headers.get(OAUTH_REQUEST_HEADER), headers.get(OAUTH_IDENTIFIER_HEADER)
    if request_id and identifier:
        return Credentials(OAUTH, (request_id, identifier))
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    match scheme.lower():
        case "":
            return None
        case "basic":
            return Credentials(BASIC, _decode(rest))
        case "fmid":
            return Credentials(CLARIS_ID, (rest.strip(),))
    return Credentials(UNKNOWN)


def read_data_sources(content: object) -> dict[str, Credentials]:
    """Return the credentials of `fmDataSource` by database; raises DataApiError 1708 for a wrong shape."""
    if not isinstance(content, list):
        raise DataApiError(1708)
    sources = {}
    for described in content:
        if not isinstance(described, dict) or not all(isinstance(value, str) for value in described.values()):
            raise DataApiError(1708)
        database = described.get("database")
        if database is None:
            raise DataApiError(1708)
        if "oAuthRequestId" in described:
            parts = (described["oAuthRequestId"], described.get("oAuthIdentifier", ""))
            sources[database] = Credentials(OAUTH, parts)
        else:
            parts = (described.get("username", ""), described.get("password", ""))
            sources[database] = Credentials(BASIC, parts)
    return sources


def _decode(encoded: str) -> tuple[str, ...]:
    try:
        user, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        separator = ""
    if not separator:
        raise DataApiError(212, "Authorization header 'Basic' invalid.")
    return user, password
