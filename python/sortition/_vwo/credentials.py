"""The credentials for an account's settings.

Source: VWO spec, section 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sortition._base.errors import OptionError, OptionTypeError
from sortition._base.options import kind, of_type

if TYPE_CHECKING:
    from sortition._engine.vwo import Identifier

KEY_WORDS: Final = "letters, digits and signs of ASCII without a space"
"""The characters of an SDK key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials for settings.

    Attributes:
        account_id: The account's id.
        sdk_key: The secret key of the environment.
    """

    account_id: Identifier
    sdk_key: str

    def __repr__(self) -> str:
        return "<Credentials>"


def credentials_of(account_id: object, sdk_key: object) -> Credentials:
    """The credentials from a caller's arguments.

    Raises:
        OptionError: An argument is invalid.
    """
    if isinstance(account_id, bool) or not isinstance(account_id, int | str):
        raise OptionTypeError(f"account_id: must be an int or a string, got {kind(account_id)}")
    if account_id == "":
        raise OptionError("account_id: must not be empty")
    key = of_type("sdk_key", sdk_key, str, "a string")
    if not is_sendable_key(key):
        raise OptionError(f"sdk_key: must be {KEY_WORDS}")
    return Credentials(account_id, key)


def optional_credentials_of(account_id: object, sdk_key: object) -> Credentials | None:
    """The credentials from launch options; None if neither is given.

    Raises:
        OptionError: One of them is invalid or missing.
    """
    if account_id is None and sdk_key is None:
        return None
    for name, value, other in (
        ("account_id", account_id, "sdk_key"),
        ("sdk_key", sdk_key, "account_id"),
    ):
        if value is None:
            raise OptionError(f"{name}: is required together with {other}")
    return credentials_of(account_id, sdk_key)


def is_sendable_key(sdk_key: str) -> bool:
    """Whether the key is valid in a header; a key pasted with a line break is not."""
    return bool(sdk_key) and sdk_key.isascii() and sdk_key.isprintable() and " " not in sdk_key
