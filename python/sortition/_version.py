"""The version, which a test holds equal to the workspace's."""

from __future__ import annotations

# Not `typing`'s: importing that would take longer than everything else of `import sortition`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

VERSION: Final = "0.1.0"
