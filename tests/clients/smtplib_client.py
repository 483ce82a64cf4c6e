"""Python's smtplib."""

import smtplib
import ssl
import sys
from pathlib import Path

port, user, password, certificate, sender, to, hidden, mail, *_, tls = sys.argv[1:]
trusting = ssl.create_default_context(cafile=certificate)
with (
    smtplib.SMTP_SSL("localhost", int(port), timeout=30, context=trusting)
    if tls == "implicit"
    else smtplib.SMTP("localhost", int(port), timeout=30)
) as client:
    if tls != "implicit":
        client.starttls(context=trusting)
    client.login(user, password)
    client.sendmail(sender, [to, hidden], Path(mail).read_bytes())
