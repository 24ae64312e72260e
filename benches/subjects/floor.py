"""What no client can do without: a call of an empty function, and the hash of the same bytes."""

from __future__ import annotations

import sys
from typing import Any

from experiments import ATTRIBUTES, GOAL, KEY
from serving import USERS, Row, per_user, serve

from sortition import _core


class Empty:
    """Methods with the arguments of the client's, and nothing in them."""

    def get_variation_name(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        **unknown: Any,
    ) -> str | None:
        return None

    def activate(
        self,
        campaign_key: str,
        user_id: str,
        *,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        custom_properties: dict[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        **unknown: Any,
    ) -> str | None:
        return None

    def track(
        self,
        campaign_specifier: str | list[str] | None,
        user_id: str,
        goal_identifier: str,
        *,
        revenue_value: float | str | None = None,
        custom_variables: dict[str, Any] | None = None,
        variation_targeting_variables: dict[str, Any] | None = None,
        goal_type_to_track: str | None = None,
        should_track_returning_user: bool | None = None,
        user_storage_data: dict[str, Any] | None = None,
        meta_data: dict[str, Any] | None = None,
        event_properties: dict[str, Any] | None = None,
        user_agent: str | None = None,
        user_ip_address: str | None = None,
        **unknown: Any,
    ) -> dict[str, bool] | None:
        return None


def untargeted() -> Row:
    empty = Empty()

    def once() -> None:
        for user in USERS:
            empty.get_variation_name(KEY, user)

    return per_user(once)


def targeted() -> Row:
    empty = Empty()

    def once() -> None:
        for user in USERS:
            empty.get_variation_name(KEY, user, custom_variables=ATTRIBUTES)

    return per_user(once)


def tracked() -> Row:
    empty = Empty()

    def once() -> None:
        for user in USERS:
            empty.track(KEY, user, GOAL)

    return per_user(once)


def activated() -> Row:
    empty = Empty()

    def once() -> None:
        for user in USERS:
            empty.activate(KEY, user)

    return per_user(once)


def called() -> Row:
    """A call of a C function with the same arguments; where no hook is set, it does nothing."""
    empty = sys.audit

    def once() -> None:
        for user in USERS:
            empty(KEY, user)

    return per_user(once)


def called_with_attributes() -> Row:
    empty = sys.audit

    def once() -> None:
        for user in USERS:
            empty(KEY, user, ATTRIBUTES)

    return per_user(once)


def walked() -> Row:
    """What looking at every attribute takes in Python."""

    def once() -> None:
        for _ in USERS:
            for _name, _value in ATTRIBUTES.items():
                pass

    return per_user(once)


def read() -> Row:
    """The user storage of the other subjects, asked without a client."""
    records = {(user, KEY): {"userId": user} for user in USERS}

    class Records:
        def get(self, user_id: str, campaign_key: str) -> dict[str, str] | None:
            return records.get((user_id, campaign_key))

    storage = Records()

    def once() -> None:
        for user in USERS:
            storage.get(user, KEY)

    return per_user(once)


def hashed() -> Row:
    """The hash of a user's seed string, called from Python; `engine.rs` has the bare one."""
    seeds = [f"228_{user}".encode() for user in USERS]
    if _core.murmur3_32(b"", 1) != 0x514E28B7:
        raise AssertionError

    def once() -> None:
        for seed in seeds:
            _core.murmur3_32(seed, 1)

    return per_user(once)


if __name__ == "__main__":
    serve(
        {
            "decision": untargeted,
            "five conditions": targeted,
            "activate": activated,
            "track": tracked,
            "a call of C": called,
            "a call of C, five attributes": called_with_attributes,
            "the storage itself": read,
            "the hash": hashed,
            "a dictionary of five": walked,
        }
    )
