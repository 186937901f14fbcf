"""HTTP to one FileMaker server: time-outs, TLS verification, and errors without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import ReadTimeoutError

from nexus_import.errors import ConfigurationError, FileMakerError, FileMakerUnavailable
from nexus_import.filemaker.answers import Answer, read_answer
from nexus_import.filemaker.redaction import guard_library_logs

API_ROOT = "/fmi/data/vLatest"
TOKEN_HEADER = "X-FM-Data-Access-Token"  # noqa: S105 the name of a header
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


class FileMakerTimedOutError(FileMakerUnavailable):
    """The server took the request and did not answer in time: a smaller page may succeed."""


class BearerAuth(AuthBase):
    """Sends a session token.

    An auth object and not a header: requests replaces a plain Authorization header by what a `.netrc` file
    holds for the host.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class NoAuth(AuthBase):
    """Sends no Authorization at all, whatever a `.netrc` file holds."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


def server_address(url: str) -> str:
    """Return scheme, host and port of a FileMaker server; raises ConfigurationError on anything else."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "The host of the FileMaker connection must be an address such as https://filemaker.example.com."
        )
    if "@" in parts.netloc:
        raise ConfigurationError(
            "The host of the FileMaker connection holds credentials. Put them in login and password instead."
        )
    try:
        has_port = parts.port is not None
    except ValueError:
        raise ConfigurationError("The port of the FileMaker connection must be a number up to 65535.") from None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port}" if has_port else f"{parts.scheme}://{host}"


def is_unencrypted(url: str) -> bool:
    """Return whether credentials would travel in the clear over a network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS


class Transport:
    """Sends requests to one server and turns every failure into a typed error; shared by all threads.

    Redirects are never followed, so credentials and tokens reach only the Data API's own host. `verify` is
    given with every request, because the environment's REQUESTS_CA_BUNDLE overrides a session's setting.
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
        self._verify: str | bool = ca_file or True
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        guard_library_logs()

    def new_http(self) -> requests.Session:
        """Return a keep-alive connection for one thread at a time."""
        http = requests.Session()
        http.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "nexus-import"})
        return http

    def send(
        self,
        http: requests.Session,
        method: str,
        path: str,
        *,
        where: str,
        auth: AuthBase | None = None,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: tuple[float, float] | None = None,
    ) -> Answer:
        """Return the server's answer, good or bad.

        Raises FileMakerTimedOutError when none came in time, FileMakerUnavailable when there was none at all,
        FileMakerError when the certificate is not trusted or the server redirects.
        """
        failure: requests.RequestException
        try:
            reply = http.request(
                method,
                f"{self.address}{API_ROOT}{path}",
                params=params,
                json=body,
                auth=auth or NoAuth(),
                timeout=timeout_seconds or (self._connect_timeout_seconds, self._read_timeout_seconds),
                verify=self._verify,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            failure = error
        except OSError as error:  # requests' word for a CA file that cannot be read
            raise ConfigurationError(
                f"The CA file of the FileMaker connection cannot be used ({type(error).__name__}). Check the"
                " connection's extra 'ca_file'."
            ) from None
        else:
            if reply.is_redirect:
                raise self._redirected(reply, where)
            return read_answer(reply.status_code, reply.content, reply.headers.get(TOKEN_HEADER, ""))
        # Raised here, outside the handler: the text of requests' error holds the path, and so a token.
        raise self._no_answer(failure, where)

    def _redirected(self, reply: requests.Response, where: str) -> FileMakerError:
        return FileMakerError(
            f"{self.address} redirects to another address (HTTP {reply.status_code}), at {where}."
            " Credentials are not sent on: put the final address, usually with https, in the host of the"
            " Airflow connection.",
            http_status=reply.status_code,
            where=where,
        )

    def _no_answer(self, failure: requests.RequestException, where: str) -> FileMakerError:
        if isinstance(failure, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(failure):
            return FileMakerError(
                f"The TLS certificate of {self.address} is not trusted. If the server uses a certificate of"
                " its own, put the path of the CA file (PEM) into the extra 'ca_file' of the connection;"
                " if not, check the host's name and the certificate's dates.",
                where=where,
            )
        if isinstance(failure, requests.exceptions.ConnectTimeout):
            return FileMakerUnavailable(
                f"{self.address} could not be reached within {self._connect_timeout_seconds:g} s, at {where}."
                " Check host, port and firewall.",
                where=where,
            )
        if isinstance(failure, requests.exceptions.ReadTimeout) or _is_read_timeout(failure):
            return FileMakerTimedOutError(
                f"{self.address} did not answer within {self._read_timeout_seconds:g} s, at {where}.",
                where=where,
            )
        return FileMakerUnavailable(
            f"The connection to {self.address} was refused or lost ({type(failure).__name__}), at {where}."
            " Check host and port of the Airflow connection and that FileMaker Server is running.",
            where=where,
        )


def _is_read_timeout(failure: requests.RequestException) -> bool:
    # A time-out in the middle of a body arrives as a ConnectionError that wraps urllib3's error.
    return any(isinstance(argument, ReadTimeoutError) for argument in failure.args)
