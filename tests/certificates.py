"""Certificates for servers on the loopback, signed by an authority that nobody else trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """PEM files: what a client is to trust, and what a server on the loopback shows."""

    authority: Path
    certificate: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    """Write them into this folder."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(str(made.authority))
    for part in server.cert_chain_pems:
        part.write_to_path(str(made.certificate), append=True)
    server.private_key_pem.write_to_path(str(made.key))
    return made
