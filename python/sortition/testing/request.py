"""A request as a server keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sortition.testing.fault import BaseFault
    from sortition.testing.message import Head


@dataclass(frozen=True, slots=True)
class Received:
    """A received request. Its repr does not show the query, the headers or the body.

    Attributes:
        method: The method, such as ``GET``.
        path: The path, still percent-encoded.
        query_text: The text after the question mark, still percent-encoded.
        headers: The headers by name in lower case. Repeated ones are joined with commas.
        body: The body.
        fault: What it met; for one that hung, `faults.Hang`, also when it was answered later.
    """

    method: str
    path: str
    query_text: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    fault: BaseFault

    @property
    def query(self) -> dict[str, str]:
        """The query's values by their names; of a repeated name, the last."""
        return dict(parse_qsl(self.query_text, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The content, read as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.body)


def received(head: Head, body: bytes, fault: BaseFault) -> Received:
    """The recorded parts of a request."""
    split = urlsplit(head.target)
    return Received(head.method, split.path, split.query, head.headers, body, fault)
