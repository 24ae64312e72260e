"""Requests as the platform wants them: a GET, with everything in its query.

Source: PageSense spec, sections 2.2 and 6; "Our choices".
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sortition._base.options import kind
from sortition._http.transport import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH: Final = "/psfullstacksdk/"
_VISITOR, _GOAL, _SETTINGS = b"22", b"23", b"24"
_ENDPOINTS: Final = {
    _VISITOR: "trackvisitor",
    _GOAL: "trackgoal",
    _SETTINGS: "updateprojectsettings",
}
_HEADERS: Final = {"Content-Type": "application/json; utf-8", "Accept": "application/json"}
_SDK_GROUP: Final = "Ro7xIyuMqrAPQWn"
"""The platform's id for its Python SDK."""
_MOST_INTEGER: Final = 2**63
_LEVELS_ABOVE: Final = 8
"""More than an event has above a value, which alone may be just not nested too deep."""


def event_request(base_url: str, event: bytes) -> Request:
    """The request that carries an event."""
    return _request(base_url, event[:2], event[2:])


def user_of(event: bytes) -> str:
    """The id of the user whose event it is; an empty one where it is no event of ours."""
    try:
        user_id = json.loads(event[2:])["furd"]["f"]
    except (KeyError, TypeError, ValueError):
        return ""
    return user_id if isinstance(user_id, str) else ""


def settings_request(
    base_url: str, account_id: str, sdk_key: str, project_name: str, portal_name: str
) -> Request:
    """The request for a project's settings; section 2.2."""
    asked = {
        "ai": account_id,
        "sk": sdk_key,
        "pn": project_name,
        "a": portal_name,
        "sgi": _SDK_GROUP,
    }
    return _request(base_url, _SETTINGS, _json({"fpqd": asked}))


def fields_of(values: Mapping[Any, object] | None) -> tuple[str, list[str]]:
    """The values as a JSON list of fields; and of each that cannot be carried, what it is."""
    fields: list[str] = []
    left_out: list[str] = []
    # Another thread may change what the caller gave.
    for name, value in list(values.items()) if values else ():
        if not isinstance(name, str):
            left_out.append(f"a name of type {kind(name)} is no text")
        elif _is_plain(value) or _is_json(value):
            fields.append(f'{{"ln": {json.dumps(str.__str__(name))}, "v": {json.dumps(value)}}}')
        else:
            left_out.append(f"a value of type {kind(value)} is no JSON")
    return f"[{', '.join(fields)}]", left_out


def _is_plain(value: object) -> bool:
    """Whether it is a value that surely can be carried."""
    its_type = type(value)
    if its_type is str or value is None or its_type is bool:
        return True
    if its_type is int:
        return -_MOST_INTEGER < value < _MOST_INTEGER  # type: ignore[operator]  # its type was asked
    return its_type is float and math.isfinite(value)  # type: ignore[arg-type]


def _is_json(value: object) -> bool:
    for _ in range(_LEVELS_ABOVE):
        value = [value]
    try:
        json.dumps(value, allow_nan=False)
    except Exception:  # noqa: BLE001 -- a class of the caller's may raise anything
        return False
    return True


def _json(value: object) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


def _request(base_url: str, number: bytes, content: bytes) -> Request:
    # What stays as it is beside letters and digits: "_.-~", and the slash.
    query = f"type={number.decode()}&raw={quote(content, safe='/')}"
    return Request("GET", f"{base_url}{_PATH}{_ENDPOINTS[number]}", query=query, headers=_HEADERS)
