"""A settings document of PageSense."""

from __future__ import annotations

from typing import Any

from support.vectors import pagesense as vectors

DOCUMENT: dict[str, Any] = vectors("http-capture")["settings"]["Http One"]
