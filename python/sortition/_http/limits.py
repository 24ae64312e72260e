"""Bounds on the size of answers."""

from __future__ import annotations

from typing import Final

MOST_EVENT_ANSWER_BYTES: Final = 64 * 1024
"""How many bytes to read of an answer to events. Only its status matters; reading the rest allows
the connection to be reused."""

MOST_SETTINGS_BYTES: Final = 32 * 1024 * 1024
"""The largest accepted size of a settings document, in bytes."""
