"""Defaults that several parts share."""

from __future__ import annotations

from typing import Final

DEFAULT_REQUEST_TIMEOUT_S: Final = 5.0
"""How long a request may take, in seconds."""

DEFAULT_PORT: Final = 8484
"""The port that `sortition serve` binds."""

KEY_VARIABLE: Final = "SORTITION_SDK_KEY"
"""The environment variable with the SDK key for commands: other users can see command lines."""
