"""The calls inside a session: which address and verb means what, and what each answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..behaviour.faults import Faults
from ..data.layouts import Layout
from ..errors import DataApiError
from ..sessions.hosting import Host
from ..sessions.store import Session
from ..wire import jsontext
from ..wire.messages import Request
from . import metadata, parameters, records, scripts, writing
from .rendering import View


@dataclass(frozen=True)
class Call:
    """A request that has come through to its database, and everything it may need there."""

    request: Request
    session: Session
    view: View
    host: Host
    faults: Faults

    def layout(self, name: str) -> Layout:
        """Return a layout the session may use; raises DataApiError 105, 106, 200, or as `open_data_source`."""
        layout = self.view.data_set.layout(name)
        if name in self.session.account.denied_layouts:
            raise DataApiError(200)
        if not layout.has_table:
            raise DataApiError(106)
        if layout.data_source is not None:
            self.host.open_data_source(layout.data_source, self.session.credentials_for(layout.data_source))
        return layout


Action = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Endpoint:
    """One address below a database: an action for each verb, the layout it is about, whether it moves data."""

    actions: Mapping[str, Action]
    layout: str | None = None
    is_data: bool = False

    def action(self, method: str) -> Action:
        """Return what a verb does; raises DataApiError 1704."""
        if method not in self.actions:
            raise DataApiError(1704)
        return self.actions[method]


def endpoint_at(path: tuple[str, ...]) -> Endpoint:
    """Return the endpoint at a path below a database; raises DataApiError 1630."""
    match path:
        case ("layouts",):
            return Endpoint({"GET": _list_layouts})
        case ("scripts",):
            return Endpoint({"GET": lambda call: {"scripts": call.view.data_set.script_tree}})
        case ("globals",):
            return Endpoint({"PATCH": _set_globals})
        case ("layouts", name):
            return Endpoint({"GET": lambda call: _describe_layout(call, name)}, name)
        case ("layouts", name, "metadata"):
            old = {"GET": lambda call: {"metaData": _describe_layout(call, name)["fieldMetaData"]}}
            return Endpoint(old, name)
        case ("layouts", name, "script", script):
            return Endpoint({"GET": lambda call: _run_script(call, name, script)}, name)
        case ("layouts", name, "_find"):
            return Endpoint({"POST": lambda call: _find(call, name)}, name, is_data=True)
        case ("layouts", name, "records"):
            actions: dict[str, Action] = {
                "GET": lambda call: _read_page(call, name),
                "POST": lambda call: writing.create(call.view, _writable(call, name), _body_alone(call)),
            }
            return Endpoint(actions, name, is_data=True)
        case ("layouts", name, "records", record_id):
            return Endpoint(_of_record(name, record_id), name, is_data=True)
    raise DataApiError(1630)


def read_body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body, an empty one without a body; raises DataApiError 1705, 1710, 1708."""
    content_type = request.headers.get("content-type", "")
    if request.body and content_type.partition(";")[0].strip().lower() != "application/json":
        raise DataApiError(1705)
    try:
        content = jsontext.loads(request.body.strip() or b"{}")
    except ValueError as error:
        raise DataApiError(1710) from error
    if not isinstance(content, dict):
        raise DataApiError(1708)
    return content


def _of_record(name: str, record_id: str) -> dict[str, Action]:
    return {
        "GET": lambda call: _read_record(call, name, record_id),
        "PATCH": lambda call: writing.edit(
            call.view, _writable(call, name, record_id, code=201), record_id, _body_alone(call)
        ),
        "POST": lambda call: writing.duplicate(call.view, _writable(call, name), record_id, _body_alone(call)),
        "DELETE": lambda call: writing.delete(
            call.view, _writable(call, name, record_id), record_id, dict(call.request.query)
        ),
    }


def _list_layouts(call: Call) -> dict[str, Any]:
    return {"layouts": metadata.layout_list(call.view.data_set.layout_tree, call.view.variants)}


def _describe_layout(call: Call, name: str) -> dict[str, Any]:
    layout = call.layout(name)
    given = dict(call.request.query)
    parameters.refuse_unknown(given, {"recordId"})
    record_id = given.get("recordId")
    record = None if record_id is None else layout.table.record(record_id)
    return metadata.layout_metadata(layout, record, call.view.variants)


def _read_page(call: Call, name: str) -> dict[str, Any]:
    layout = call.layout(name)
    return records.read_page(call.view, layout, parameters.from_query(call.request.query), call.layout)


def _read_record(call: Call, name: str, record_id: str) -> dict[str, Any]:
    layout = call.layout(name)
    wanted = parameters.single_record(call.request.query)
    return records.read_record(call.view, layout, record_id, wanted, call.layout)


def _find(call: Call, name: str) -> dict[str, Any]:
    layout = call.layout(name)
    _no_query(call)
    return records.find_records(call.view, layout, read_body(call.request), call.layout)


def _no_query(call: Call) -> None:
    """Refuse parameters in the address of a call that takes them in its body."""
    parameters.refuse_unknown(dict(call.request.query), set())


def _body_alone(call: Call) -> dict[str, Any]:
    _no_query(call)
    return read_body(call.request)


def _writable(call: Call, name: str, record_id: str | None = None, *, code: int = 200) -> Layout:
    """Return a layout to write on; raises the code for an account that only reads, 301 for a locked record."""
    layout = call.layout(name)
    if call.session.account.is_read_only:
        raise DataApiError(code)
    if record_id is not None and record_id in call.faults.switches.locked_records.get(name, ()):
        raise DataApiError(301)
    return layout


def _run_script(call: Call, name: str, script: str) -> dict[str, Any]:
    call.layout(name)
    given = dict(call.request.query)
    parameters.refuse_unknown(given, {"script.param"})
    return scripts.run(call.view.data_set, [("script", script, given.get("script.param", ""))])


def _set_globals(call: Call) -> dict[str, Any]:
    """Accept global fields, whose names must be fully qualified (`table occurrence::field`)."""
    fields = read_body(call.request).get("globalFields")
    if fields is None:
        raise DataApiError(958)
    if not isinstance(fields, dict) or not all("::" in name for name in fields):
        raise DataApiError(102)
    return {}
