"""A smarthost: another mail server that takes the mail over SMTP.

Clear text is for a line that is safe anyway: it has to be asked for, and no password goes over it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Tls = Literal["starttls", "implicit", "none"]
USUAL_PORT: Mapping[str, int] = {"starttls": 587, "implicit": 465, "none": 25}
NONE = "none"
PASSWORD = "password"
CREDENTIALS = (NONE, PASSWORD)
"""Besides those of Microsoft Entra, whose token then signs in (XOAUTH2)."""
KEYS = ("HOST", "PORT", "TLS", "USERNAME", "PASSWORD", "CA_FILE")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}", re.ASCII)


@dataclass(frozen=True)
class Smarthost:
    """Where it is, and how to speak to it."""

    host: str
    port: int
    tls: Tls = "starttls"
    username: str = ""
    """Who signs in; "" for the sending mailbox."""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    """Certificates to trust besides those of the system."""


def read_smarthost(keys: Mapping[str, str], credential: str, faults: list[str]) -> Smarthost:
    """Of the keys of one identity; `faults` gets what is wrong, one sentence each."""
    tls = keys.get("TLS", "starttls").lower()
    if tls not in USUAL_PORT:
        faults.append(f"TLS: write {' or '.join(USUAL_PORT)}.")
    port = keys.get("PORT", str(USUAL_PORT.get(tls, 587)))
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        faults.append("PORT: write a number from 1 to 65535.")
        port = "587"
    found = Smarthost(
        host=keys.get("HOST", ""),
        port=int(port),
        tls="implicit" if tls == "implicit" else "none" if tls == "none" else "starttls",
        username=keys.get("USERNAME", ""),
        password=keys.get("PASSWORD", ""),
        ca_file=keys.get("CA_FILE", ""),
    )
    faults.extend(_faults_of(found, credential))
    return found


def _faults_of(smarthost: Smarthost, credential: str) -> Iterator[str]:
    if not _HOST.fullmatch(smarthost.host):
        yield "HOST: write the name of the mail server, without port."
    if smarthost.ca_file and not Path(smarthost.ca_file).is_file():
        yield "CA_FILE: there is no such file; write the path of a PEM file."
    if credential != NONE and smarthost.tls == "none":
        yield "TLS: a credential would be sent in clear; write starttls or implicit."
    if credential == PASSWORD:
        for key in ("USERNAME", "PASSWORD"):
            if not getattr(smarthost, key.lower()):
                yield f"{key}: set it; the credential is password."
    elif smarthost.password:
        yield "CREDENTIAL: a password is set, so write password (or remove it)."
