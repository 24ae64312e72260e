"""What both platforms' clients do where nobody says."""

from __future__ import annotations

DEFAULT_REQUEST_TIMEOUT_S = 5.0
"""How long a request may take."""
