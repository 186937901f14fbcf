"""What real servers do differently, or what nobody could confirm: each a setting with the likelier side as default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .settings import (
    codes_by_code,
    described,
    number,
    number_or_none,
    one_of,
    setting,
    statuses_by_code,
    text,
    yes_no,
)

FMID_SESSION_SECONDS: Final = 3600.0


@dataclass
class Variants:
    """The kind of server that is simulated; changeable while it runs, put back by `clear_faults`."""

    product_version: str = setting("version in productInfo", text(), "22.0.1.68")
    product_info_is_short: bool = setting("productInfo has no buildDate and version", yes_no(), False)
    database_list_is_filtered: bool = setting(
        "the list of databases needs Basic and shows those that the account can open", yes_no(), False
    )
    database_name_case_matters: bool = setting(
        "a token is refused when the database is spelled in another case than at the log-in", yes_no(), True
    )
    login_body_has_token: bool = setting("a log-in answers the token in its body too", yes_no(), True)
    fmid_login_body_has_token: bool = setting("a log-in by Claris ID does", yes_no(), False)
    fmid_session_seconds: float = setting(
        "life of a session opened by Claris ID, however busy it is", number(), FMID_SESSION_SECONDS
    )
    fmid_expired_is_html: bool = setting("when it is over, the 401 is an HTML page", yes_no(), False)
    validate_session_is_empty: bool = setting("validateSession answers an empty response", yes_no(), False)
    layouts_have_table: bool = setting("the list of layouts has an empty `table` (19 and later)", yes_no(), True)
    display_values: str = setting(
        "`displayValue` of value lists: as the data set has it, null or left out",
        one_of("given", "null", "missing"),
        "given",
    )
    numbers_as_text: bool = setting("numbers come as text (17)", yes_no(), False)
    has_data_info: bool = setting("answers have `dataInfo` (18 and later)", yes_no(), True)
    iso_timestamp_separator: str = setting(
        "what stands between date and time with dateformats=2", one_of("T", " "), "T"
    )
    gzip: bool = setting("answers are compressed for clients that accept it", yes_no(), True)
    empty_layout_is_error: bool = setting(
        "reading an empty layout without `_offset` answers 101, as it does with one", yes_no(), False
    )
    find_past_end_is_empty: bool = setting(
        "a find past its end answers 200 without records instead of 401", yes_no(), False
    )
    omit_only_finds_rest: bool = setting(
        "a find of nothing but omitting requests finds all other records; else 401", yes_no(), True
    )
    sort_takes_portal_fields: bool = setting(
        "a sort may name a field that only a portal shows, and takes its first row; else 102", yes_no(), False
    )
    sort_takes_value_lists: bool = setting(
        "a sort may name a value list of the layout as its order; else 1708", yes_no(), True
    )
    portal_default_rows: int = setting("rows of a portal unless a request asks for others", number(int), 50)
    record_ids_are_reused: bool = setting(
        "a new record gets the id of one that was deleted, if no higher one is left", yes_no(), False
    )
    tokens_are_serial: bool = setting("requests with one token wait for each other", yes_no(), True)
    missing_privilege_code: int = setting("code of a log-in whose account lacks fmrest", one_of(212, 9, 802), 212)
    missing_token_code: int = setting("code of a call without a bearer token", one_of(10, 952), 10)
    session_cap_code: int = setting("code of a log-in beyond the cap", one_of(812, 956), 812)
    killed_session_code: int = setting("code when a session dies under its request", one_of(112, 952), 112)
    status_by_code: dict[int, int] = field(
        default_factory=dict, metadata=described("HTTP statuses instead of the usual ones", statuses_by_code())
    )
    code_by_code: dict[int, int] = field(
        default_factory=dict, metadata=described("FileMaker codes instead of the usual ones", codes_by_code())
    )
    container_redirects: bool = setting(
        "the address of a file answers a redirect with a cookie first; else the file at once", yes_no(), True
    )
    container_needs_bearer: bool = setting(
        "container addresses want the bearer token of an open session too", yes_no(), False
    )
    container_url_seconds: int | None = setting(
        "life of a container address; it never outlives its session", number_or_none(), None
    )
    container_dead_status: int = setting("status of a container address that died", one_of(401, 404), 401)
    container_media_extension_only: bool = setting(
        "only images, audio and video have an extension in their address", yes_no(), False
    )
