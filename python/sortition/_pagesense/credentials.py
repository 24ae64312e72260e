"""The credentials for a project's settings.

Source: PageSense spec, section 2.1; "Our choices".
"""

from __future__ import annotations

from dataclasses import dataclass

from sortition._base.errors import OptionError
from sortition._base.nearest import nearest
from sortition._base.options import of_type
from sortition._pagesense.constants import DATA_CENTERS


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials for settings.

    Attributes:
        account_id: The account's id, without the data center.
        sdk_key: The project's key.
        project_name: The project's name.
    """

    account_id: str
    sdk_key: str
    project_name: str

    def __repr__(self) -> str:
        return "<Credentials>"


def credentials_of(
    sdk_account_id: object, sdk_key: object, project_name: object, *, is_needed: bool
) -> tuple[Credentials | None, str | None]:
    """The credentials from a caller's arguments, and the data center in the account id.

    Either all three are given or, if they are not needed, none.

    Raises:
        OptionError: One of them is invalid or missing.
    """
    given = {
        "sdk_account_id": sdk_account_id,
        "sdk_key": sdk_key,
        "project_name": project_name,
    }
    if not is_needed and all(value is None for value in given.values()):
        return None, None
    for name, value in given.items():
        if value is None:
            raise OptionError(
                f"{name}: is required: give settings, or all of sdk_account_id, sdk_key and "
                "project_name"
            )
    account_id, named = account_of(sdk_account_id)
    key, project = option_text("sdk_key", sdk_key), option_text("project_name", project_name)
    return Credentials(account_id, key, project), named


def account_of(sdk_account_id: object) -> tuple[str, str]:
    """The account and the data center in an account id.

    Raises:
        OptionError: It is not an account id.
    """
    account, hyphen, center = option_text("sdk_account_id", sdk_account_id).partition("-")
    account = account.strip()
    if not hyphen or not account or not center.strip():
        raise OptionError("sdk_account_id: must be ACCOUNT-DATACENTER, such as 12345-US")
    return account, known_data_center("sdk_account_id", center)


def split_account(account_id: str) -> tuple[str, str | None]:
    """The account and the data center in settings, whose id may name none and have hyphens."""
    account, _, center = account_id.partition("-")
    center = center.strip().upper()
    return (account.strip(), center) if center in DATA_CENTERS else (account_id, None)


def option_text(name: str, value: object) -> str:
    """Text that is not blank and that UTF-8 can encode.

    Raises:
        OptionError: It is something else.
    """
    text = of_type(name, value, str, "a string")
    if not text.strip():
        raise OptionError(f"{name}: must not be blank")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise OptionError(f"{name}: holds half of a surrogate pair") from None
    return text


def known_data_center(name: str, value: str) -> str:
    """The data center with this name.

    Raises:
        OptionError: There is none.
    """
    center = value.strip().upper()
    if center not in DATA_CENTERS:
        names = ", ".join(DATA_CENTERS)
        hint = nearest(center, DATA_CENTERS)
        raise OptionError(f"{name}: the data center must be one of {names}{hint}")
    return center
