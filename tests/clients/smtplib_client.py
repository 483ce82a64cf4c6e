"""Python's smtplib."""

import smtplib
import ssl
import sys
from pathlib import Path

port, user, password, certificate, sender, to, hidden, mail, *_ = sys.argv[1:]
with smtplib.SMTP("localhost", int(port), timeout=30) as client:
    client.starttls(context=ssl.create_default_context(cafile=certificate))
    client.login(user, password)
    client.sendmail(sender, [to, hidden], Path(mail).read_bytes())
