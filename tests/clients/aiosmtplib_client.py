"""The asyncio client."""

import asyncio
import sys
from pathlib import Path

import aiosmtplib

port, user, password, certificate, sender, to, hidden, mail, *_ = sys.argv[1:]
asyncio.run(
    aiosmtplib.send(
        Path(mail).read_bytes(),
        sender=sender,
        recipients=[to, hidden],
        hostname="localhost",
        port=int(port),
        start_tls=True,
        cert_bundle=certificate,
        username=user,
        password=password,
    )
)
