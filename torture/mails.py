"""Numbered mails of mixed sizes, and how to know one again when it has arrived.

Made from the seed and the number alone, so that a record needs to keep neither.
"""

import base64
import hashlib
import random
from dataclasses import dataclass

_KIB = 1024
_LINE = b"The quick brown fox jumps over the lazy dog, and over the next one, too.\r\n"
_SIZES = (
    # weight, from, to: octets. Inside the ticket; in a blob; in a file of the spool; as a draft.
    (800, 200, 6 * _KIB),
    (130, 60 * _KIB, 200 * _KIB),
    (30, 260 * _KIB, 700 * _KIB),
    (5, 3_100 * _KIB, 3_600 * _KIB),
)


@dataclass(frozen=True)
class NumberedMail:
    number: int
    recipients: tuple[str, ...]
    """Of the envelope; the last may be in no field of the header."""
    octets: bytes

    @property
    def message_id(self) -> str:
        return f"<{self.number}@torture.example>"

    @property
    def mark(self) -> str:
        """What tells whether it arrived whole: the hash of its attached file."""
        return mark_of(self.octets)


def numbered_mail(seed: int, number: int) -> NumberedMail:
    chance = random.Random(f"{seed}/{number}")
    (size,) = chance.choices(_SIZES, [weight for weight, _, _ in _SIZES])
    recipients = [f"r{chance.randrange(200)}@example.org" for _ in range(chance.randint(1, 5))]
    recipients = list(dict.fromkeys(recipients))
    shown = recipients[:-1] if len(recipients) > 1 and number % 3 == 0 else recipients
    file = chance.randbytes(64) * (chance.randint(size[1], size[2]) * 3 // 4 // 64 + 1)
    octets = (
        b"From: device@contoso.com\r\n"
        b"To: " + ", ".join(shown).encode() + b"\r\n"
        b"Subject: Mail " + str(number).encode() + b"\r\n"
        b"Date: Sat, 21 Nov 2026 05:00:00 +0000\r\n"
        b"Message-ID: <" + str(number).encode() + b"@torture.example>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=_b"\r\n'
        b"\r\n--=_b\r\nContent-Type: text/plain\r\n\r\n" + _LINE * 2 + b"\r\n--=_b\r\n"
        b'Content-Type: application/octet-stream; name="f.bin"\r\n'
        b'Content-Disposition: attachment; filename="f.bin"\r\n'
        b"Content-Transfer-Encoding: base64\r\n"
        b"\r\n" + base64.encodebytes(file).replace(b"\n", b"\r\n") + b"--=_b--\r\n"
    )
    return NumberedMail(number, tuple(recipients), octets)


def mark_of(octets: bytes) -> str:
    """The hash of the attached file of a mail as it lies in `octets`; "" when it has none."""
    part = octets.partition(b"Content-Transfer-Encoding: base64\r\n\r\n")[2]
    try:
        file = base64.b64decode(part.partition(b"--=_b--")[0])
    except ValueError:
        return ""
    return hashlib.sha256(file).hexdigest()


def number_of(message_id: str) -> int | None:
    """The number of one of our mails, by its Message-ID."""
    number, at, domain = message_id.strip("<>").partition("@")
    return int(number) if at and domain == "torture.example" and number.isdigit() else None
