"""A server that speaks TLS on this machine, with a certificate that is its own authority."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from socketserver import TCPServer


@dataclass(frozen=True, slots=True)
class Identity:
    """The files (PEM) of a private key and of the certificate for `localhost` that it signed itself."""

    key: Path
    certificate: Path


def new_identity(folder: Path) -> Identity:
    """Make a key and a certificate for a day."""
    made = Identity(folder / "key.pem", folder / "certificate.pem")
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {made.key} -out {made.certificate} -days 1"
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *named], check=True, capture_output=True)
    return made


def protect(server: TCPServer, identity: Identity) -> None:
    """Have a server that does not serve yet speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
