"""Addresses of container files, and the two requests it takes to fetch one.

The first answers 302 with a cookie and the same address plus `&Redirect`; the second, with that cookie, the bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from ..behaviour.faults import Faults
from ..behaviour.variants import Variants
from ..data.files import File
from ..errors import PageError
from ..sessions.store import Session, SessionStore, bearer_token
from ..wire.downloads import Download
from ..wire.messages import Request, Response, html_page

PATH: Final = "Streaming_SSL"
MAIN_FOLDER, OTHER_FOLDER = "MainDB", "Additional_1"
MAIN_TYPE, OTHER_TYPE = "EmbeddedRCFileProcessor", "RCFileProcessor"
COOKIE: Final = "X-FMS-Session-Key"
REDIRECTED: Final = "Redirect"
MEDIA: Final = ("image/", "audio/", "video/")

_NAME: Final = re.compile(r"([0-9a-f]{64})(?:\.[^./]*)?")


@dataclass
class _Issued:
    """An address that was handed out: for one file, in one session, at one time."""

    session: Session
    file: File
    issued_at_seconds: float
    is_expired: bool = False


class Containers:
    """All addresses of container files that sessions were given; each dies with its session at the latest."""

    def __init__(self, sessions: SessionStore, faults: Faults, variants: Variants) -> None:
        self._sessions = sessions
        self._faults = faults
        self._variants = variants
        self._secret = secrets.token_bytes(32)
        self._issued: dict[str, _Issued] = {}
        self._round = 0
        self._known_sessions: set[str] = set()
        self._lock = threading.Lock()

    def url(self, base_url: str, session: Session, place: str, file: File) -> str:
        """Return the address of the file that stands at a place in the database, for this session."""
        with self._lock:
            self._forget_dead(session)
            key = self._key_of(session, place)
            known = self._issued.get(key)
            if known is not None and self._is_expired(known):
                self._round += 1
                key = self._key_of(session, place)
            self._issued[key] = _Issued(session, file, self._sessions.now_seconds())
        folder, kind = _folder_of(file)
        return f"{base_url}/{PATH}/{folder}/{key}{self._extension(file)}?RCType={kind}"

    def expire_all(self) -> int:
        """Let every address die now; return how many there were. Reading a record again gives new ones."""
        with self._lock:
            living = [item for item in self._issued.values() if item.session.is_open and not self._is_expired(item)]
            for item in living:
                item.is_expired = True
            return len(living)

    def __call__(self, request: Request, base_url: str) -> Response:
        """Answer one of the two requests for a file; all other answers are HTML pages."""
        try:
            return self._answer(request, base_url)
        except PageError as error:
            return html_page(error.status, error.title)

    def _answer(self, request: Request, base_url: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise PageError(405, "Method Not Allowed")
        self._faults.delay(None)
        key, issued = self._find(request)
        if self._variants.container_needs_bearer and not self._sessions.is_open(bearer_token(request.headers)):
            raise PageError(401, "Unauthorized")
        cookie = self._digest(f"cookie/{key}")
        if not self._variants.container_redirects:
            return self._faults.begin_download() or self._stream(issued.file)
        if REDIRECTED not in dict(request.query):
            headers = {
                "Set-Cookie": f"{COOKIE}={cookie}; HttpOnly",
                "Location": f"{base_url}{request.target}&{REDIRECTED}",
            }
            return Response(302, content_type="text/html", headers=headers)
        if not hmac.compare_digest(_cookie_of(request).encode(), cookie.encode()):
            raise PageError(401, "Unauthorized")
        return self._faults.begin_download() or self._stream(issued.file)

    def _stream(self, file: File) -> Response:
        try:
            opened, size = file.open()
        except OSError as error:
            self._faults.end_download()
            raise PageError(404, "Not Found") from error
        download = Download(
            opened,
            size,
            bytes_per_second=self._faults.switches.download_bytes_per_second,
            is_truncated=self._faults.truncates_download(),
            on_end=self._faults.end_download,
        )
        return Response(200, content_type=file.content_type, download=download)

    def _find(self, request: Request) -> tuple[str, _Issued]:
        """Return key and file of the address that is asked for; raises PageError for a dead or wrong one."""
        match = _NAME.fullmatch(request.segments[-1])
        if match is None or not self._is_ours(match[1]):
            raise PageError(404, "Not Found")
        with self._lock:
            issued = self._issued.get(match[1])
            is_expired = issued is None or self._is_expired(issued)
        if issued is None or is_expired or not self._sessions.is_open(issued.session.token):
            status = self._variants.container_dead_status
            raise PageError(status, "Unauthorized" if status == 401 else "Not Found")
        folder, kind = _folder_of(issued.file)
        if request.segments != (PATH, folder, request.segments[-1]) or ("RCType", kind) not in request.query:
            raise PageError(404, "Not Found")
        return match[1], issued

    def _is_expired(self, issued: _Issued) -> bool:
        seconds = self._variants.container_url_seconds
        age = self._sessions.now_seconds() - issued.issued_at_seconds
        return issued.is_expired or (seconds is not None and age > seconds)

    def _forget_dead(self, session: Session) -> None:
        """Drop what sessions before left behind, when a new session gets its first address."""
        if session.token in self._known_sessions:
            return
        self._issued = {key: item for key, item in self._issued.items() if item.session.is_open}
        self._known_sessions = {item.session.token for item in self._issued.values()} | {session.token}

    def _key_of(self, session: Session, place: str) -> str:
        """Return the 64 characters of an address: a second half that proves that the first was made here."""
        half = self._digest(f"{session.token}/{place}/{self._round}")
        return half + self._digest(half)

    def _is_ours(self, key: str) -> bool:
        return hmac.compare_digest(self._digest(key[:32]), key[32:])

    def _digest(self, text: str) -> str:
        encoded = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(encoded, key=self._secret, digest_size=16).hexdigest()

    def _extension(self, file: File) -> str:
        _, dot, extension = file.name.rpartition(".")
        is_left_out = self._variants.container_media_extension_only and not file.content_type.startswith(MEDIA)
        return "" if is_left_out or not dot or not extension.isalnum() else f".{extension}"


def _folder_of(file: File) -> tuple[str, str]:
    return (OTHER_FOLDER, OTHER_TYPE) if file.is_external else (MAIN_FOLDER, MAIN_TYPE)


def _cookie_of(request: Request) -> str:
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
