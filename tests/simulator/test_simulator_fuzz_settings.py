"""Whatever stands in a data set or is asked of the control, it is refused in words or does no harm later."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.data.dataset import DataSet
from local.simulator.errors import DataSetError
from tests.simulator.tiny_clinic import CLINIC, TIMEOUT_SECONDS, DataApiClient

FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORLD: dict[str, Any] = {
    "database": "World",
    "user": "u",
    "password": "p",
    "dateFormat": "dd.MM.yyyy",
    "accounts": [{"user": "r", "password": "r", "readOnly": True, "deniedLayouts": ["Other"]}],
    "fmidTokens": ["t"],
    "oauth": [{"requestId": "a", "identifier": "b"}],
    "scripts": {"Nightly": {"result": "done", "error": "0"}},
    "scriptTree": [{"name": "Jobs", "isFolder": True, "folderScriptNames": [{"name": "Nightly", "isFolder": False}]}],
    "layoutTree": [{"name": "Old", "isFolder": True, "folderLayoutNames": [{"name": "People", "table": ""}]}],
    "layouts": [
        {
            "layout": "People",
            "table": "person_TO",
            "tableView": True,
            "fields": [
                {"name": "id", "notEmpty": True, "maxCharacters": 9, "validation": {"unique": True}},
                {"name": "age", "result": "number", "validation": {"range": [0, 150]}},
                {"name": "kind", "valueList": "Kinds", "validation": {"valueList": "Kinds"}},
                {"name": "phone", "maxRepeat": 3, "repetitionStart": 1, "repetitionEnd": 2},
                {"name": "face", "result": "container"},
            ],
            "valueLists": [
                {"name": "Kinds", "type": "customList", "values": [{"value": "new", "displayValue": "New"}]},
                {"name": "Ids", "fromField": "id"},
                {"name": "Fees", "fromPortal": "line_TO::fee"},
            ],
            "portals": [
                {"name": "Lines", "table": "line_TO", "rows": "other", "fields": [{"name": "line_TO::fee"}]},
            ],
            "records": [
                {
                    "recordId": "1",
                    "modId": "0",
                    "fieldData": {
                        "id": "A",
                        "age": 1,
                        "phone": ["1", "2"],
                        "face": {"base64": "AAAA", "name": "f.png"},
                    },
                    "portalData": {"other": [{"recordId": "1", "modId": "0", "line_TO::fee": 5}]},
                },
                {"recordId": 2, "fieldData": {"id": "B", "age": "about 3", "phone(2)": "3", "kind": "new"}},
            ],
        },
        {"layout": "Other", "table": "person_TO", "dataSource": "World", "fields": [{"name": "id"}]},
    ],
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a description."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*path, key)
        yield from places(item, (*path, key))


LEFT_OUT = object()
JUNK = st.sampled_from(
    [
        LEFT_OUT,
        None,
        True,
        False,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "٣",
        "\ud800",
        [],
        {},
        [1],
        ["x"],
        {"a": 1},
        [[]],
        [None],
    ]
)


def changed(description: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """Return a copy with something else in one place, or with nothing there."""
    whole = copy.deepcopy(description)
    inside = whole
    for key in path[:-1]:
        inside = inside[key]
    if junk is LEFT_OUT:
        del inside[path[-1]]
    else:
        inside[path[-1]] = copy.deepcopy(junk)
    return whole


@FAST
@given(path=st.sampled_from(list(places(WORLD))), junk=JUNK)
@example(path=("layouts", 0, "valueLists", 0, "name"), junk=LEFT_OUT)
@example(path=("layouts", 0, "valueLists", 1, "fromField"), junk="x")
@example(path=("layouts", 0, "fields", 0, "maxCharacters"), junk="x")
@example(path=("scripts", "Nightly"), junk=True)
def test_a_data_set_is_refused_in_words_or_served(path: tuple[Any, ...], junk: Any) -> None:
    try:
        data_set = DataSet.read(changed(WORLD, path, junk))
    except DataSetError:
        return
    with Simulator(data_set).start() as simulator:
        client = DataApiClient(simulator, version="v1")
        client.base = f"{client.root}/databases/{quote(data_set.database, safe='', errors='surrogatepass')}"
        user, password = (text.encode("utf-8", "surrogatepass") for text in (data_set.user, data_set.password))
        with client.http:
            answers = [
                client.log_in(auth=(user, password)),
                client.call("GET", "layouts"),
                client.call("GET", "scripts"),
            ]
            for name in data_set.layouts:
                answers += list(used(client, quote(name, safe="", errors="surrogatepass")))
    assert not [answer.request.url for answer in answers if "Defect of the simulator" in answer.text]


def used(client: DataApiClient, layout: str) -> Iterator[requests.Response]:
    """Use a layout in every way there is."""
    records = f"layouts/{layout}/records"
    sort = '[{"fieldName":"kind","sortOrder":"Kinds"},{"fieldName":"age"}]'
    yield client.call("GET", f"layouts/{layout}?recordId=1")
    yield client.call("GET", records, params={"dateformats": "1", "script": "Nightly"})
    yield client.call("GET", records, params={"dateformats": "2", "_sort": sort})
    yield client.call("POST", f"layouts/{layout}/_find", json={"query": [{"id": "a"}, {"age": ">0", "phone": "3"}]})
    yield client.call("POST", records, json={"fieldData": {"id": "C"}, "portalData": {"Lines": [{"line_TO::fee": 1}]}})
    rows = {"Lines": [{"recordId": "1", "line_TO::fee": 2}]}
    yield client.call("PATCH", f"{records}/1", json={"fieldData": {"kind": "new", "age": 3}, "portalData": rows})
    yield client.call("GET", records)


NAMES = st.sampled_from(
    ["latency_ms", "slow_layout", "hold", "scripted_errors", "locked_records", "closed_databases", "kill_tokens_after",
     "session_cap", "idle_timeout_seconds", "bad_logins_before_lock", "between_pages", "kill_tokens", "status_by_code",
     "gzip", "display_values", "nothing"]
)  # fmt: skip
JSON = st.recursive(
    st.sampled_from([None, True, -1, 0, 1.5, "", "API_Contacts", "id", "delete", 10**30]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["layout", "operation", "record_id", "after_requests", "where", "fields", "database",
                             "code", "target", "count", "API_Contacts", "Clinic", "105"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)  # fmt: skip
BODY = st.dictionaries(NAMES, JSON, max_size=2) | JSON
ADDRESS = st.sampled_from(
    ["state", "faults", "kill_tokens", "expire_container_urls", "advance_clock", "release", "between_pages", "reset",
     "layouts/API_Contacts/records", "layouts/API_Contacts/records/11", "layouts/Nothing/records", "x"]
)  # fmt: skip


@pytest.fixture(scope="module")
def controlled() -> Iterator[Simulator]:
    with Simulator.from_dataset(copy.deepcopy(CLINIC)) as running:
        yield running


@FAST
@given(method=st.sampled_from(["GET", "POST", "PATCH", "DELETE"]), address=ADDRESS, body=BODY)
@example(method="POST", address="release", body={"layout": ["x"]})
@example(method="POST", address="between_pages", body=[{"layout": "API_Contacts", "operation": "insert", "fields": []}])
def test_the_control_refuses_in_words_and_changes_nothing_then(
    controlled: Simulator, method: str, address: str, body: Any
) -> None:
    before = controlled.control.state()
    answer = requests.request(method, f"{controlled.control_url}/{address}", json=body, timeout=TIMEOUT_SECONDS)
    assert answer.status_code in (200, 400, 404)
    after = controlled.control.state()
    assert json.dumps(after)
    if answer.status_code != 200:
        assert answer.json()["error"]
        assert after == before
        return
    controlled.control.clear_faults()
    client = DataApiClient(controlled)
    with client.http:
        client.log_in()
        assert "Defect of the simulator" not in client.records().text
