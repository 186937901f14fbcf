"""Why there was no answer: the failures of requests and urllib3 as typed errors, without their texts.

Those texts hold the path of the request, and so may hold a token.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import StrEnum

import requests
from urllib3.exceptions import HTTPError, LocationParseError, NameResolutionError, NewConnectionError, ReadTimeoutError

from nexus_import.errors import FileMakerError, FileMakerUnavailable

_WRONG_HOST_CODES = frozenset({62, 64})  # OpenSSL: the certificate is for another host name, IP address
_EXPIRED_CODE = 10
_NO_ADDRESS = (requests.exceptions.InvalidURL, LocationParseError)


class Problem(StrEnum):
    """What kept a request from being answered."""

    HOST_NOT_FOUND = "host not found"
    REFUSED = "connection refused"
    NOT_REACHED = "not reached"
    TIMED_OUT = "no answer in time"
    LOST = "connection lost"
    PROXY = "proxy failed"
    NOT_TLS = "no TLS on that port"
    UNTRUSTED = "certificate not trusted"
    WRONG_NAME = "certificate of another host"
    EXPIRED = "certificate expired"


class FileMakerNoAnswerError(FileMakerUnavailable):
    """There was no answer at all; `problem` says why."""

    def __init__(self, message: str, *, problem: Problem = Problem.LOST, where: str = "") -> None:
        super().__init__(message, where=where)
        self.problem = problem


class FileMakerTimedOutError(FileMakerNoAnswerError):
    """The server took the request and did not answer in time: a smaller page may succeed."""


class FileMakerLoginTimedOutError(FileMakerNoAnswerError):
    """The server did not answer a log-in in time: a smaller page is no help, another try may be."""


class FileMakerTlsError(FileMakerError):
    """No trusted TLS connection: a retry cannot help. `problem` says why, `reason` in OpenSSL's words."""

    def __init__(
        self, message: str, *, problem: Problem = Problem.UNTRUSTED, reason: str = "", where: str = ""
    ) -> None:
        super().__init__(message, where=where)
        self.problem = problem
        self.reason = reason


def no_answer(
    failure: requests.RequestException | HTTPError,
    *,
    address: str,
    where: str,
    connect_seconds: float,
    read_seconds: float,
) -> FileMakerError:
    """Return the typed error for a request that failed; it does not refer to `failure`."""
    causes = list(_causes(failure))
    if isinstance(failure, _NO_ADDRESS) and not isinstance(failure, requests.exceptions.InvalidProxyURL):
        return FileMakerError(f"No request can be sent to {address}: correct the host of the connection.", where=where)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, address, where)
    if any(isinstance(cause, ssl.SSLError) and _is_plain_text(cause) for cause in causes):
        return FileMakerTlsError(
            f"{address} does not speak TLS at that port. Check scheme and port in the host of the Airflow connection.",
            problem=Problem.NOT_TLS,
            where=where,
        )
    problem = _problem(failure, causes)
    if problem is Problem.TIMED_OUT:
        text = f"{address} did not answer within {read_seconds:g} s, at {where}."
        return FileMakerTimedOutError(text, problem=problem, where=where)
    advice = {
        Problem.PROXY: f"The proxy that the environment names for {address} failed, at {where}. Check HTTPS_PROXY and"
        " NO_PROXY of the worker.",
        Problem.HOST_NOT_FOUND: f"The host of {address} was not found, at {where}. Check its spelling in the Airflow"
        " connection, and name resolution on the worker.",
        Problem.NOT_REACHED: f"{address} could not be reached (it had {connect_seconds:g} s), at {where}. Check host,"
        " port and firewall.",
        Problem.REFUSED: f"The connection to {address} was refused, at {where}. Check host and port of the Airflow"
        " connection and that FileMaker Server is running.",
        Problem.LOST: f"The connection to {address} was lost ({type(failure).__name__}), at {where}. FileMaker Server"
        " may be restarting; if it stays so, check host and port of the Airflow connection.",
    }
    return FileMakerNoAnswerError(advice[problem], problem=problem, where=where)


def _problem(failure: requests.RequestException | HTTPError, causes: list[BaseException]) -> Problem:
    kinds: list[tuple[type[BaseException], Problem]] = [
        (requests.exceptions.ProxyError, Problem.PROXY),
        (requests.exceptions.InvalidProxyURL, Problem.PROXY),
        (requests.exceptions.ConnectTimeout, Problem.NOT_REACHED),
        (requests.exceptions.ReadTimeout, Problem.TIMED_OUT),
        (ReadTimeoutError, Problem.TIMED_OUT),  # in the middle of a body
        (NameResolutionError, Problem.HOST_NOT_FOUND),
        (ConnectionRefusedError, Problem.REFUSED),
        (NewConnectionError, Problem.NOT_REACHED),  # no route, network down
    ]
    for kind, problem in kinds:
        if any(isinstance(cause, kind) for cause in (failure, *causes)):
            return problem
    return Problem.LOST


def _untrusted(cause: ssl.SSLCertVerificationError, address: str, where: str) -> FileMakerTlsError:
    problem, advice = Problem.UNTRUSTED, "put the path of the server's CA file (PEM) into 'ca_file' of the connection"
    if cause.verify_code in _WRONG_HOST_CODES:
        problem, advice = Problem.WRONG_NAME, "put the name that the certificate is for into the connection's host"
    elif cause.verify_code == _EXPIRED_CODE:
        problem, advice = Problem.EXPIRED, "the server needs a new one"
    return FileMakerTlsError(
        f"The TLS certificate of {address} is not trusted ({cause.verify_message}): {advice}."
        " No credentials were sent.",
        problem=problem,
        reason=cause.verify_message,
        where=where,
    )


def _is_plain_text(error: ssl.SSLError) -> bool:
    return error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it wraps, as argument, `reason`, cause or context; each once."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        found = waiting.pop()
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
