"""The asyncio client."""

import asyncio
import sys
from pathlib import Path

import aiosmtplib

port, user, password, certificate, sender, to, hidden, mail, *_, tls = sys.argv[1:]
asyncio.run(
    aiosmtplib.send(
        Path(mail).read_bytes(),
        sender=sender,
        recipients=[to, hidden],
        hostname="localhost",
        port=int(port),
        use_tls=tls == "implicit",
        start_tls=tls != "implicit",
        cert_bundle=certificate,
        username=user,
        password=password,
    )
)
