"""The owner of the events in a folder."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

_NOT_FOR_A_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ACCOUNT: Final = 40
_IDENTITY_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """The account that events belong to; only a client of the same one takes them over.

    Attributes:
        platform: ``vwo`` or ``pagesense``.
        account: The account, as far as it can be a part of a file's name; for people.
        identity: What tells this account and environment from others, as 16 digits; the key cannot
            be learnt from it.
    """

    platform: str
    account: str
    identity: str

    @classmethod
    def of(cls, platform: str, account: str, key: str) -> Self:
        """The owner of what is sent for an account with a key."""
        # The key tells the environments of an account apart: what was counted for the one is not
        # to be sent for another.
        digest = hashlib.blake2b(digest_size=_IDENTITY_BYTES, person=b"sortition spool")
        digest.update(f"{platform}\0{account}\0{key}".encode("utf-8", "surrogatepass"))
        shown = _NOT_FOR_A_NAME.sub("_", account)[:_LONGEST_ACCOUNT] or "_"
        return cls(platform, shown, digest.hexdigest())
