"""What is wrong with a record that a user storage returned for a VWO client.

Source: VWO spec, section 4.
"""

from __future__ import annotations

from typing import Final

from sortition._base.options import kind
from sortition.storages import findings
from sortition.storages.findings import is_awaitable

_WANTED: Final = "a dict with userId, campaignKey and variationName, or None"
_SNAKE_CASE: Final = ("user_id", "campaign_key", "variation_name", "goal_identifiers")


def finding_in(record: object, user_id: str, campaign_key: str | None) -> tuple[str, str] | None:
    """What is wrong with a record, by name and in words; None if nothing is.

    Whatever is empty, zero or false is no record, and nothing is wrong with it.

    Args:
        record: The record.
        user_id: The user's id.
        campaign_key: The campaign that it is to be of; None if any will do.
    """
    # As nearly every record is: what follows would find nothing wrong with it either.
    if (
        type(record) is dict
        and record.get("campaignKey") == campaign_key
        and record.get("userId") == user_id
        and type(record.get("variationName")) is str
    ):
        return None
    if is_awaitable(record):
        return (
            findings.ASYNC,
            "something to await: launch the client with alaunch to use an async storage",
        )
    if isinstance(record, bytes | bytearray | memoryview) and record:
        return findings.BYTES, f"bytes, which count as no record; it must return {_WANTED}"
    if isinstance(record, str) and record:
        return findings.JSON_TEXT, f"text, which counts as no record; it must return {_WANTED}"
    if not isinstance(record, dict):
        if not record:
            return None
        words = f"{kind(record)}, which counts as no record; it must return {_WANTED}"
        return findings.WRONG_TYPE, words
    return _finding_in_fields(record, user_id, campaign_key) if record else None


def _finding_in_fields(
    record: dict[str, object], user_id: str, campaign_key: str | None
) -> tuple[str, str] | None:
    key = record.get("campaignKey")
    if not isinstance(key, str):
        if any(name in record for name in _SNAKE_CASE):
            words = "a record with names in snake_case, which counts as no record"
            return findings.SNAKE_CASE, f"{words}; the names are those that set was given"
        return findings.NO_CAMPAIGN, "a record without campaignKey, which counts as no record"
    if campaign_key not in (None, key):
        words = "a record of another campaign than was asked for, which counts as no record"
        return findings.OTHER_CAMPAIGN, words
    owner = record.get("userId")
    if owner is not None and owner != user_id and str(owner) != user_id:
        words = "a record of another user than was asked for, which counts as no record"
        return findings.OTHER_USER, words
    if not isinstance(record.get("variationName"), str):
        return findings.NO_VARIATION, "a record without variationName: the client decides again"
    return None
