"""A real Dovecot for tests: it tells Postfix whose token is good."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.child import Child

IS_HERE = shutil.which("dovecot") is not None and os.geteuid() == 0
WHY_NOT = "Dovecot is not installed, or this is not root: its daemons change their users"
ISSUER = "https://issuer.example"

_CONF = """\
base_dir = {here}/run
state_dir = {here}/run
log_path = /dev/stderr
protocols =
ssl = no
auth_mechanisms = xoauth2 plain
auth_failure_delay = 0
disable_plaintext_auth = no
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {here}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
# Without it each refusal would make the next answers wait longer.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {socket} {{
    mode = 0666
  }}
}}
"""
_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={here}/keys/
username_attribute = email
issuers = {issuer}
"""


@contextmanager
def dovecot(here: Path, socket: Path, public_key: str, password: str) -> Iterator[None]:
    """It listens at `socket` and takes tokens that `public_key`, in PEM, has signed."""
    key = here / "keys" / "default" / "RS256" / "default"
    key.parent.mkdir(parents=True)
    (here / "run").mkdir()
    key.write_text(public_key)
    (here / "oauth2.conf").write_text(_OAUTH2.format(here=here, issuer=ISSUER))
    conf = here / "dovecot.conf"
    conf.write_text(_CONF.format(here=here, socket=socket, password=password))
    subprocess.run(["doveconf", "-c", str(conf)], check=True, stdout=subprocess.DEVNULL)
    with Child(["dovecot", "-F", "-c", str(conf)]) as child:
        child.wait_for(lambda line: "starting up" in line, 30)
        yield
        child.kill()  # asked to end, it waits half a minute for Postfix to hang up
