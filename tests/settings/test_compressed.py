"""A document that is kept is the one that came, whatever is done to it meanwhile."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest
from support.documents import campaign, settings
from support.sink import Answer

from sortition._settings.compressed import CompressedDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Received, Sink

    from sortition import vwo

    Launch = Callable[..., vwo.Client]

LARGE = 64 * 1024
DOCUMENT = settings(*(campaign(number, f"campaign-{number}") for number in range(1, 1001)))


@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, LARGE + 1, 5 * LARGE])
def test_every_byte_comes_back(size: int) -> None:
    for document in (b"\xff" * size, random.Random(size).randbytes(size)):  # noqa: S311
        kept = CompressedDocument(document)
        assert kept.content == document
        assert kept.content == document


def test_a_client_tells_its_large_document_as_it_came(launch: Launch, sink: Sink) -> None:
    text = json.dumps(DOCUMENT)
    assert len(text) > 2 * LARGE
    client = launch(DOCUMENT)
    for wanted in (text, text, text.replace('"Campaign 500"', '"Another"')):

        def answer(_: Received, body: bytes = wanted.encode()) -> Answer:
            return Answer(body=body)

        sink.answer = answer
        assert client.get_and_update_settings_file(604812, DOCUMENT["sdkKey"]) == wanted
