"""Certificates for servers on the loopback, signed by an authority that nobody else trusts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """PEM files: what a client is to trust, and what both show.

    Attributes:
        authority: What signed the others.
        certificate: What a server on the loopback shows.
        key: Its key.
        client: What a client shows, with its key.
    """

    authority: Path
    certificate: Path
    key: Path
    client: Path


def certificates(folder: Path) -> Certificates:
    """Write them into this folder."""
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    client = authority.issue_cert("ann@example.com")
    made = Certificates(
        folder / "authority.pem",
        folder / "server.pem",
        folder / "server.key",
        folder / "client.pem",
    )
    authority.cert_pem.write_to_path(str(made.authority))
    for part in server.cert_chain_pems:
        part.write_to_path(str(made.certificate), append=True)
    server.private_key_pem.write_to_path(str(made.key))
    client.private_key_and_cert_chain_pem.write_to_path(str(made.client))
    return made
