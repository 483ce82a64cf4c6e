"""Mail as devices and programs write it: what changes on its way, line by line, and what does not.

Each file of tests/data/mail goes to ann and, unseen, to hidden@x.org.
"""

import difflib
from pathlib import Path

import pytest

from tests.function_app.letters import below_received, composed, named_in

MAILS = Path(__file__).parent.parent / "data" / "mail"
TO = ("ann@contoso.com", "hidden@x.org")
BCC = "+ Bcc: hidden@x.org"
WELL = f"{BCC}\n"
IN_BASE64 = "+ Content-Transfer-Encoding: base64"

CHANGES = {
    "attached_messages": f"""
{BCC}
- Bcc: Someone <hidden@x.org>
- X-Receiver: HIDDEN@x.org
""",
    "bare_line_feeds": f"""
- Bcc: Hidden <hidden@x.org>
{BCC}
""",
    "bounce_report": WELL,
    "boundary_missing": WELL,
    "boundary_not_closed": f"""
{BCC}
- Bcc: hidden@x.org
- Bcc: hidden@x.org
""",
    "calendar": WELL,
    "digest": f"""
{BCC}
- Bcc: hidden@x.org
- Bcc: hidden@x.org
""",
    "dkim_signed": WELL,
    "flowed_text": WELL,
    "japanese": WELL,
    "junk_in_header": f"""
{BCC}
+\x20
""",
    "latin1_unencoded": f"""
- To: \u00c4nne <ann@contoso.com>, Zo\u00eb <zoe@x.org>
+ To: \u00c4nne <ann@contoso.com>
{BCC}
""",
    "newsletter_in_quoted_printable": f"""
{BCC}
- Content-Transfer-Encoding: Quoted-Printable
{IN_BASE64}
- Gr=C3=BC=C3=9Fe, this line is soft=
- ly broken.=20
+ R3LDvMOfZSwgdGhpcyBsaW5lIGlzIHNvZnRseSBicm9rZW4uIA==
- Content-Transfer-Encoding:
-  quoted-printable
{IN_BASE64}
- <p style=3D"x">Gr=C3=BC=C3=9Fe</p>
+ PHAgc3R5bGU9IngiPkdyw7zDn2U8L3A+
""",
    "partial": WELL,
    "pgp_encrypted": WELL,
    "pgp_inline": WELL,
    "scanner_with_fields_in_parts": """
- To: undisclosed-recipients:;
- Bcc: hidden@x.org
+ Bcc: ann@contoso.com, hidden@x.org
- Bcc: ann@contoso.com, hidden@x.org
- BCC:
-  hidden@x.org
- X-Receiver: hidden@x.org
""",
    "single_part_in_quoted_printable": f"""
- Content-Transfer-Encoding: quoted-printable
{IN_BASE64}
{BCC}
- T=FCr offen=
- !
+ VPxyIG9mZmVuIQ0K
""",
    "smime_signed": WELL,
    "tnef": WELL,
    "ups_alert_without_header": """
+ From: scan@contoso.com
+ Bcc: ann@contoso.com, hidden@x.org
+ Date: Sat, 21 Nov 2026 05:00:00 +0000
+ Subject: (no subject)
+ Message-ID: <ID@contoso.com>
+\x20
""",
    "uuencode": WELL,
}
SIGNED = {"smime_signed", "pgp_encrypted", "pgp_inline"}


def changes(before: bytes, after: bytes) -> list[str]:
    """What went and what came. Latin-1 shows every octet as one character."""
    found = difflib.ndiff(
        before.decode("latin-1").split("\r\n"), after.decode("latin-1").split("\r\n"), charjunk=None
    )
    return [line for line in found if line[0] in "+-"]


@pytest.mark.parametrize("name", CHANGES)
def test_only_what_must_change_changes(name: str) -> None:
    octets = (MAILS / f"{name}.eml").read_bytes()
    letter = composed(octets, TO)
    before = octets.replace(b"\n", b"\r\n") if name == "bare_line_feeds" else octets
    after = below_received(letter).replace(letter.id.encode(), b"ID")

    assert sorted(CHANGES[name].strip("\n").split("\n")) == sorted(changes(before, after))
    assert set(TO) == named_in(letter.mime())
    assert (name in SIGNED) == letter.signed


def test_every_mail_is_looked_at() -> None:
    assert set(CHANGES) == {path.stem for path in MAILS.glob("*.eml")}
