"""FileMaker's error codes with the HTTP status and the words a server sends with them."""

from __future__ import annotations

from collections.abc import Mapping

HTTP_STATUS_AND_MESSAGE: dict[int, tuple[int, str]] = {
    9: (401, "Insufficient privileges"),
    10: (401, "HTTP Authorization header or OAuth headers are missing."),
    100: (500, "File is missing"),
    101: (500, "Record is missing"),
    102: (500, "Field is missing"),
    104: (500, "Script is missing"),
    105: (500, "Layout is missing"),
    106: (500, "Table is missing"),
    112: (500, "Window is missing"),
    200: (500, "Record access is denied"),
    201: (500, "Field cannot be modified"),
    202: (500, "Field access is denied"),
    212: (401, "Invalid user account and/or password; please try again"),
    214: (401, "Too many login attempts, account locked out"),
    301: (500, "Record is in use by another user"),
    306: (500, "Record modification ID does not match"),
    400: (500, "Find criteria are empty"),
    401: (500, "No records match the request"),
    500: (500, "Date value does not meet validation entry options"),
    501: (500, "Time value does not meet validation entry options"),
    502: (500, "Number value does not meet validation entry options"),
    503: (500, "Value in field is not within the range specified in validation entry options"),
    504: (500, "Value in field is not unique, as required in validation entry options"),
    505: (500, "Value in field is not an existing value in the file, as required in validation entry options"),
    506: (500, "Value in field is not listed on the value list specified in validation entry option"),
    507: (500, "Value in field failed calculation test of validation entry option"),
    508: (500, "Invalid value entered in Find mode"),
    509: (500, "Field requires a valid value"),
    510: (500, "Related value is empty or unavailable"),
    511: (500, "Value in field exceeds maximum field size"),
    802: (500, "Unable to open the file"),
    812: (500, "Exceeded host's capacity"),
    952: (401, "Invalid FileMaker Data API token (*)"),
    953: (500, "Data limit exceeded"),
    956: (500, "Maximum number of database sessions exceeded"),
    958: (400, "Parameter missing"),
    960: (400, "Unknown parameter(s)"),
    1630: (404, "URL format is incorrect"),
    1704: (405, "Resource doesn't support the specified HTTP verb"),
    1705: (415, "Required HTTP header was not specified in the request"),
    1708: (400, "Parameter value is invalid"),
    1710: (400, "Request body is not valid JSON"),
}


class DataApiError(Exception):
    """An answer other than code 0.

    `code` is FileMaker's, `status` the HTTP status (both looked up from the code unless given),
    `message` the text in `messages[0].message`.
    """

    def __init__(self, code: int, message: str | None = None, *, status: int | None = None) -> None:
        known_status, known_message = HTTP_STATUS_AND_MESSAGE.get(code, (500, "Unknown error"))
        self.code = code
        self.status = known_status if status is None else status
        self.message = known_message if message is None else message
        super().__init__(f"{self.status}/{code} {self.message}")

    def instead(self, code_by_code: Mapping[int, int]) -> DataApiError:
        """Return the error with which a server of another kind answers, this one when it is the same."""
        other = code_by_code.get(self.code)
        return self if other is None else DataApiError(other)


class PageError(Exception):
    """An HTML page with an HTTP status where the server in front of the Data API answers instead of it."""

    def __init__(self, status: int, title: str) -> None:
        self.status = status
        self.title = title
        super().__init__(f"{status} {title}")


class DataSetError(Exception):
    """The data set cannot be loaded; the message names the file or layout and what is wrong with it."""
