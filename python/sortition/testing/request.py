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
    """A request as it came. Its repr shows neither the query, nor headers, nor the content.

    Attributes:
        method: Such as ``GET``.
        path: The path as it came, percent-encoded where it was.
        query_text: What follows the question mark, as it came.
        headers: The headers by their names in lower case; repeated ones are joined by commas.
        body: The content.
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
    """What is kept of a request."""
    split = urlsplit(head.target)
    return Received(head.method, split.path, split.query, head.headers, body, fault)
