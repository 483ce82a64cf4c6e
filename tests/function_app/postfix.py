"""A real Postfix for tests, with a configuration, a queue and ports of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from local.child import Child

MASTER = Path("/usr/lib/postfix/sbin/master")
WHY_NOT = "Postfix is not installed, or this is not root: its daemons change their users"
IS_HERE = MASTER.exists() and shutil.which("postfix") is not None and os.geteuid() == 0

_MAIN = """\
compatibility_level = 3.6
queue_directory = {here}/queue
data_directory = {here}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {here}/log/postfix.log
maillog_file_prefixes = {here}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.fabrikam.com
mydestination =
mynetworks =
alias_maps =
virtual_mailbox_domains = fabrikam.com
virtual_mailbox_maps = inline:{{ {{ bob@fabrikam.com = bob/ }}, {{ büro@fabrikam.com = buero/ }} }}
virtual_mailbox_base = {here}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_chain_files = {here}/tls.pem
smtpd_tls_security_level = may
smtpd_tls_session_cache_database =
message_size_limit = 200000
smtpd_recipient_limit = 1000
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{tls_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
"""


@dataclass(frozen=True)
class Postfix:
    """It takes mail for bob@ and büro@fabrikam.com, and relays for nobody."""

    here: Path
    port: int
    tls_port: int
    ca_file: str

    def mails(self, name: str) -> list[bytes]:
        return [path.read_bytes() for path in (self.here / "mail" / name).glob("new/*")]


@contextmanager
def postfix(more: str = "") -> Iterator[Postfix]:
    """`more` follows its settings; they may name `{here}`."""
    # Not below pytest's own directory, which other users may not enter.
    here = Path(tempfile.mkdtemp(prefix="postfix-"))
    here.chmod(0o755)
    try:
        server = _configured(here, more)
        etc = str(here / "etc")
        subprocess.run(["postfix", "-c", etc, "check"], check=True)
        # By itself: the script that usually starts it ends without it.
        with Child([MASTER, "-s", "-c", etc]) as child:
            _wait_for(server.port, child)
            yield server
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _configured(here: Path, more: str) -> Postfix:
    for name in ("etc", "queue", "data", "mail", "log"):
        (here / name).mkdir()
    shutil.chown(here / "data", "postfix")
    shutil.chown(here / "mail", "postfix", "postfix")
    authority = trustme.CA()
    pem = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    pem.write_to_path(str(here / "tls.pem"))
    authority.cert_pem.write_to_path(str(here / "ca.pem"))
    port, tls_port = _free_port(), _free_port()
    owner = (here / "mail").stat()
    main = (_MAIN + more).format(here=here, uid=owner.st_uid, gid=owner.st_gid)
    (here / "etc" / "main.cf").write_text(main, "utf-8")
    (here / "etc" / "master.cf").write_text(_MASTER.format(port=port, tls_port=tls_port))
    return Postfix(here, port, tls_port, str(here / "ca.pem"))


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


def _wait_for(port: int, child: Child) -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at and child.exit_code is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("Postfix does not listen:\n" + "\n".join(child.lines))
