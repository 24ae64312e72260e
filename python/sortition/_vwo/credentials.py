"""What an account's settings are asked for with.

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
"""What an SDK key is made of."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What settings are asked for with.

    Attributes:
        account_id: The account's id.
        sdk_key: The secret key of the environment.
    """

    account_id: Identifier
    sdk_key: str

    def __repr__(self) -> str:
        return "<Credentials>"


def credentials_of(account_id: object, sdk_key: object) -> Credentials:
    """The credentials that a caller gives.

    Raises:
        OptionError: An argument cannot be used.
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
    """The credentials that a launch is given; None where it is given neither of them.

    Raises:
        OptionError: One cannot be used, or is missing.
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
    """Whether a header can carry the key as it is; one pasted with a line break is none."""
    return bool(sdk_key) and sdk_key.isascii() and sdk_key.isprintable() and " " not in sdk_key
