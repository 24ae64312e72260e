"""How much of an answer is read."""

from __future__ import annotations

from typing import Final

MOST_EVENT_ANSWER_BYTES: Final = 64 * 1024
"""The bytes that are read of an answer to events. Only its status matters; the rest is read so that
the connection can be used again."""

MOST_SETTINGS_BYTES: Final = 32 * 1024 * 1024
"""The size in bytes beyond which a settings document is refused."""
