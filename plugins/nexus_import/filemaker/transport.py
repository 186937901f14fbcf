"""HTTP to one FileMaker server: time-outs, TLS verification, and errors without secrets."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from nexus_import.errors import ConfigurationError, FileMakerError
from nexus_import.filemaker.address import origin, server_address
from nexus_import.filemaker.answers import Answer, read_answer
from nexus_import.filemaker.failures import no_answer
from nexus_import.filemaker.redaction import Secret, guard_library_logs

API_ROOT = "/fmi/data/vLatest"
TOKEN_HEADER = "X-FM-Data-Access-Token"  # noqa: S105 the name of a header


class HeaderAuth(AuthBase):
    """Sends a session token or an account.

    An auth object and not a header: requests replaces a plain Authorization header by what a `.netrc` file
    holds for the host.
    """

    def __init__(self, value: Secret | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        if self._value is not None:
            request.headers["Authorization"] = self._value.reveal()
        return request


NO_AUTH = HeaderAuth(None)


def bearer(token: Secret) -> HeaderAuth:
    """Return what sends a session token."""
    return HeaderAuth(Secret(f"Bearer {token.reveal()}"))


def basic(username: str, password: str) -> HeaderAuth:
    """Return what sends an account."""
    return HeaderAuth(Secret("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()))


class Transport:
    """Sends requests to one server and turns every failure into a typed error; shared by all threads.

    Redirects are never followed, so credentials and tokens reach only the Data API's own host. What certificates
    are checked against is given with every request, as a file: the environment's REQUESTS_CA_BUNDLE overrides a
    session's setting and a mere True. Without a CA file that is what requests itself trusts.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: str | None,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
    ) -> None:
        self.address = server_address(url)
        self._verify = _checked(ca_file) if ca_file else requests.utils.DEFAULT_CA_BUNDLE_PATH
        self.timeout_seconds = (connect_timeout_seconds, read_timeout_seconds)
        guard_library_logs()

    def new_http(self) -> requests.Session:
        """Return a keep-alive connection, with cookies of its own, for one thread at a time."""
        http = requests.Session()
        http.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "nexus-import"})
        return http

    def is_own(self, url: str) -> bool:
        """Whether an address is on the server's own scheme, host and port: only there a token may be sent."""
        return origin(url) == origin(self.address)

    def send(
        self,
        http: requests.Session,
        method: str,
        path: str,
        *,
        where: str,
        auth: HeaderAuth = NO_AUTH,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: tuple[float, float] | None = None,
    ) -> Answer:
        """Return the server's answer, good or bad.

        Raises FileMakerTimedOutError when none came in time, FileMakerNoAnswerError when there was none at all,
        FileMakerTlsError when the certificate is not trusted, FileMakerError when the server redirects.
        """
        url = f"{self.address}{API_ROOT}{path}"
        reply = self.request(
            http, method, url, where=where, auth=auth, params=params, json=body, timeout=timeout_seconds
        )
        if reply.is_redirect:
            raise self._redirected(reply, where)
        return read_answer(reply.status_code, reply.content, reply.headers.get(TOKEN_HEADER, ""))

    def request(
        self, http: requests.Session, method: str, url: str, *, where: str, auth: HeaderAuth, **options: Any
    ) -> requests.Response:
        """Return the HTTP answer of the own server, redirects included; raises as `send` does.

        With `stream=True` only the headers have been read, and the caller closes the answer.
        """
        failure: requests.RequestException | HTTPError
        options["timeout"] = options.get("timeout") or self.timeout_seconds
        try:
            return http.request(method, url, auth=auth, verify=self._verify, allow_redirects=False, **options)
        except (requests.RequestException, HTTPError) as error:  # some of urllib3's pass through requests
            failure = error
        # Raised here, outside the handler: the text of requests' error holds the path, and so a token.
        raise self.explain(failure, where)

    def server_time(self) -> datetime | None:
        """Return the Date of an answer that needs no account, None when there is none; raises as `request` does."""
        where = "GET /productInfo"
        with self.new_http() as http:
            reply = self.request(http, "GET", f"{self.address}{API_ROOT}/productInfo", where=where, auth=NO_AUTH)
        try:
            return parsedate_to_datetime(reply.headers.get("Date", ""))
        except ValueError:
            return None

    def explain(self, failure: requests.RequestException | HTTPError, where: str) -> FileMakerError:
        """Return the typed error for what requests raised; raise it outside the handler of `failure`."""
        connect, read = self.timeout_seconds
        return no_answer(failure, address=self.address, where=where, connect_seconds=connect, read_seconds=read)

    def _redirected(self, reply: requests.Response, where: str) -> FileMakerError:
        return FileMakerError(
            f"{self.address} redirects to another address (HTTP {reply.status_code}), at {where}."
            " Credentials are not sent on: put the final address, usually with https, in the host of the"
            " Airflow connection.",
            http_status=reply.status_code,
            where=where,
        )


def _checked(ca_file: str) -> str:
    """Return the path of a CA file that can be used; raises ConfigurationError for any other."""
    if not Path(ca_file).is_file():
        raise ConfigurationError(
            f"The CA file '{ca_file}' of the FileMaker connection does not exist on this machine: correct 'ca_file' or"
            " put the file there."
        )
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError:  # ssl.SSLError is one: no certificate in it
        raise ConfigurationError(
            f"The CA file '{ca_file}' of the FileMaker connection cannot be read or holds no certificate in PEM form:"
            " export the server's certificate as PEM (it begins with -----BEGIN CERTIFICATE-----)."
        ) from None
    return ca_file
