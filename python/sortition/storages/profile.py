"""The profile that a PageSense client stores for a user.

Source: PageSense spec, section 5.
"""

from __future__ import annotations

import json
from typing import Any, Protocol


class UserProfile:
    """The profile of a user to store: the user's variations.

    Args:
        user_id: The user's id.
        user_profile_json_string: The profile as JSON text, which `UserStorageService.look_up` must
            return unchanged.
    """

    __slots__ = ("_json", "_user_id")

    def __init__(self, user_id: str, user_profile_json_string: str) -> None:
        self._user_id = user_id
        self._json = user_profile_json_string

    def get_user_id(self) -> str:
        """The user's id, which `UserStorageService.look_up` receives later."""
        return self._user_id

    def get_user_profile_json_string(self) -> str:
        """The profile as JSON text, which `UserStorageService.look_up` must return unchanged."""
        return self._json

    def get_experiment_array(self) -> list[dict[str, Any]]:
        """The assignments: each an ``experiment_key`` and a ``variation_key``."""
        experiments: list[dict[str, Any]] = json.loads(self._json)["experiments"]
        return experiments

    def __repr__(self) -> str:
        # A user's id is in no repr.
        return f"<UserProfile of {len(self._json)} characters>"


class UserProfileLike(Protocol):
    """A `UserProfile`, or any object with these two methods of it."""

    def get_user_id(self) -> str:
        """The user's id."""

    def get_user_profile_json_string(self) -> str:
        """The profile as JSON text."""
