"""The version, which a test holds equal to the workspace's."""

from typing import Final

VERSION: Final = "0.1.0"
