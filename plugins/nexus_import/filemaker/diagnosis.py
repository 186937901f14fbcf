"""What is wrong with a connection, in one sentence for the person who fills in its form."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerRequestError, NexusImportError
from nexus_import.filemaker.address import origin
from nexus_import.filemaker.answers import CODE_INVALID_TOKEN, CODE_LAYOUT_MISSING, PASSING_HTTP_STATUSES
from nexus_import.filemaker.failures import FileMakerNoAnswerError, FileMakerTlsError, Problem
from nexus_import.filemaker.metadata import nearest

if TYPE_CHECKING:
    from nexus_import.filemaker.client import FileMakerClient

HTTP_REDIRECTS = frozenset({301, 302, 303, 307, 308})
HTTP_BAD_REQUEST = 400
NO_PRIVILEGE = frozenset({9, 200, 201, 202})
TLS_PROBE_SECONDS = 5.0
ALIKE = 0.6  # difflib's own bound for names that look like a slip of the pen


def diagnose(client: FileMakerClient, layouts: Sequence[str]) -> tuple[bool, str]:
    """Return whether the server, the account and the layouts can be used, and one sentence that says so or why not.

    The layouts are looked up and one record of each is read, so that a missing privilege shows here and not at
    night. What the form tells is how things are now: give a client that retries nothing.
    """
    layout = ""
    try:
        product = _product(client)
        present = client.layouts()
        missing = [name for name in layouts if name not in present]
        if missing:
            return False, _missing_layouts(client, missing, present)
        for layout in layouts:
            client.found_count(layout)
    except NexusImportError as error:
        return False, _why(client, error, layout)
    checked = f"{_layouts(len(layouts))} named here can be read" if layouts else "none was checked, as none is named"
    return True, f"Logged in to {product}: database '{client.database}' has {_layouts(len(present))}, and {checked}."


def _layouts(count: int) -> str:
    return f"{count} layout" if count == 1 else f"{count} layouts"


def _product(client: FileMakerClient) -> str:
    try:
        product = client.product_info()
    except FileMakerRequestError:  # it is a Data API, and says who it is to nobody
        return "FileMaker"
    return f"{product.get('name', 'FileMaker')} {product.get('version', '')}".rstrip()


def _why(client: FileMakerClient, error: NexusImportError, layout: str) -> str:
    match error:
        case FileMakerNoAnswerError():
            return _no_answer(client, error)
        case FileMakerTlsError():
            return _no_trust(client, error)
        case FileMakerError(code=802):
            return _not_open(client)
        case FileMakerLoginError():
            return _refused_account(client, error.code)
        case FileMakerError(code=code) if code:
            return _refused_request(client, error, layout)
        case FileMakerError(http_status=status) if status:
            return _no_data_api(client, status)
    return str(error)


def _no_answer(client: FileMakerClient, error: FileMakerNoAnswerError) -> str:
    address = client.address
    if error.problem is Problem.LOST and _speaks_tls(address):
        return _needs_https(address)
    sentences = {
        Problem.HOST_NOT_FOUND: f"The host of {address} was not found: check how its name is spelled, and that this"
        " machine can resolve it.",
        Problem.REFUSED: f"Nothing listens at {address} (connection refused): check host and port, and that FileMaker"
        " Server is running.",
        Problem.NOT_REACHED: f"{address} could not be reached before the connect time-out was over: check the host, the"
        " port and the firewall.",
        Problem.TIMED_OUT: f"{address} took the request and did not answer before the read time-out was over: FileMaker"
        " Server is overloaded, or something else listens there.",
        Problem.PROXY: f"The proxy that this machine's environment names for {address} failed: correct HTTPS_PROXY or"
        " add the host to NO_PROXY.",
        Problem.LOST: f"{address} closed the connection without an answer: FileMaker Server may be restarting, or"
        " something else listens there.",
    }
    return sentences[error.problem]


def _no_trust(client: FileMakerClient, error: FileMakerTlsError) -> str:
    address = client.address
    sentences = {
        Problem.NOT_TLS: f"{address} does not speak TLS at that port: correct the port, or write http:// if the server"
        " is on this machine.",
        Problem.WRONG_NAME: f"The TLS certificate of {address} is for another host ({error.reason}): write the name"
        " that the certificate is for.",
        Problem.EXPIRED: f"The TLS certificate of {address} has expired: FileMaker Server needs a new one.",
        Problem.UNTRUSTED: f"The TLS certificate of {address} is not trusted ({error.reason}): put the path of the"
        " server's CA file (PEM) into this form.",
    }
    return sentences[error.problem]


def _refused_account(client: FileMakerClient, code: int) -> str:
    account, database = f"account '{client.username}'", f"database '{client.database}'"
    fmrest = "the extended privilege fmrest"
    sentences = {
        212: f"FileMaker refused the {account} or its password for {database} (code 212): correct them before the next"
        f" try, since bad log-ins lock the account; if both are right, its privilege set may lack {fmrest}.",
        214: f"The {account} is locked after too many bad log-ins (code 214): unlock it in FileMaker or wait, and"
        " correct the password here first.",
        9: f"The {account} may not use the Data API of {database} (code 9): give its privilege set {fmrest}.",
        10: "FileMaker got no account that it could use (code 10): fill in user name and password.",
    }
    return sentences.get(code, f"FileMaker refused the {account} for {database} (code {code}).")


def _refused_request(client: FileMakerClient, error: FileMakerError, layout: str) -> str:
    place = f"layout '{layout}'" if layout else f"the layouts of database '{client.database}'"
    code = error.code
    wait = "end some in its Admin Console, or wait a quarter of an hour until idle ones have ended"
    sentences = {
        812: f"FileMaker Server is at its capacity of sessions (code 812): {wait}.",
        956: f"FileMaker Server has its maximum of database sessions open (code 956): {wait}.",
        953: "The yearly data volume of FileMaker's Data API is used up (code 953): the licence must be extended.",
        CODE_INVALID_TOKEN: f"FileMaker logged in and then ended the session (code 952): write '{client.database}' as"
        " FileMaker does, upper and lower case included.",
        CODE_LAYOUT_MISSING: f"FileMaker lists {place} and then does not find it (code 105): check what it stands on.",
    }
    if code in NO_PRIVILEGE:
        return (
            f"The account '{client.username}' may not read {place} (code {code}): let its privilege set view those"
            " records and fields."
        )
    return sentences.get(code, f"FileMaker refused to read {place} (code {code}, HTTP {error.http_status}).")


def _not_open(client: FileMakerClient) -> str:
    """Tell a misspelt database from a closed one, by the list of those that are hosted."""
    name = client.database
    try:
        hosted = client.databases()
    except NexusImportError:  # the list can be switched off
        return (
            f"FileMaker could not open the database '{name}' (code 802): check that its name is spelled as in"
            " FileMaker, without .fmp12, and that the file is open."
        )
    if name in hosted:
        return (
            f"FileMaker could not open the database '{name}' although it is hosted (code 802): check that the file is"
            f" not closed or paused, and that the privilege set of '{client.username}' has the extended privilege"
            " fmrest."
        )
    if like := nearest(name, hosted, ALIKE):
        return f"FileMaker hosts no database '{name}' (code 802): the nearest name is '{like}'."
    return (
        f"FileMaker hosts no database '{name}' that this account can see, among {len(hosted)} (code 802): open the file"
        f" in FileMaker Server, correct the name, or give the privilege set of '{client.username}' the extended"
        " privilege fmrest."
    )


def _missing_layouts(client: FileMakerClient, missing: Sequence[str], present: Sequence[str]) -> str:
    like = nearest(missing[0], present, ALIKE)
    advice = f": the nearest to '{missing[0]}' is '{like}'" if like else ""
    names = ", ".join(f"'{name}'" for name in missing)
    return f"Logged in, but database '{client.database}' has no layout {names}{advice}."


def _no_data_api(client: FileMakerClient, status: int) -> str:
    address = client.address
    if status == HTTP_BAD_REQUEST and _speaks_tls(address):
        return _needs_https(address)
    if status in PASSING_HTTP_STATUSES:
        return (
            f"The web server at {address} answers, but FileMaker's Data API behind it does not (HTTP {status}): it may"
            " be starting, or be switched off in the Admin Console."
        )
    if status in HTTP_REDIRECTS:
        return f"{address} redirects to another address (HTTP {status}): write the final one, usually with https."
    return (
        f"{address} answers, but not as FileMaker's Data API (HTTP {status}, no JSON): the Data API is switched off in"
        " the Admin Console, or this is no FileMaker Server."
    )


def _needs_https(address: str) -> str:
    return f"{address} speaks TLS: write https:// instead of http://."


def _speaks_tls(address: str) -> bool:
    """Whether an address written with http:// answers a TLS handshake; nothing is sent over it."""
    place = origin(address)
    if place is None or place.scheme != "http":
        return False
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((place.host, place.port), TLS_PROBE_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=place.host),
        ):
            return True
    except OSError:
        return False
