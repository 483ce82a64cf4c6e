"""A mail that lies in a file is read as one that lies in memory."""

import re
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from function_app.compose import Letter, Uncomposable, compose
from function_app.mime.contents import contents_of
from function_app.mime.fields import split
from function_app.mime.parts import outline, walk
from handoff.octets import PIECE, FileOctets, with_crlf
from tests.builders import MAIL, NOW, a_ticket
from tests.function_app.large_mails import MIXED, mail_with, octets_of

MAILS = sorted((Path(__file__).parent.parent / "data" / "mail").glob("*.eml"))
BCC = b"Bcc: hidden@x.org\r\n"


@contextmanager
def in_file(octets: bytes) -> Iterator[FileOctets]:
    with tempfile.TemporaryFile() as file:
        file.write(octets)
        file.flush()
        yield FileOctets(file.fileno(), len(octets))


def read(letter: Letter) -> tuple[bytes, int, bool]:
    return letter.mime(), letter.size, letter.signed


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_in_a_file_is_composed_alike(path: Path) -> None:
    # But for text in quoted-printable, which stays as it is.
    octets = re.sub(rb"(?i)quoted-printable", b"x-other", with_crlf(path.read_bytes()))
    ticket = a_ticket(b"", to=("ann@contoso.com", "hidden@x.org"))
    with in_file(octets) as lying:
        letter = compose(ticket, lying, NOW)

        assert read(compose(ticket, octets, NOW)) == read(letter)
        assert len(letter.mime()) == letter.size


def test_quoted_printable_in_a_file_stays() -> None:
    octets = MAIL.replace(
        b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=41"
    )
    with in_file(octets) as lying:
        assert b"quoted-printable" in compose(a_ticket(b""), lying, NOW).mime()
    assert b"quoted-printable" not in compose(a_ticket(b""), octets, NOW).mime()


@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_delimiter_is_found_wherever_a_piece_ends(shift: int) -> None:
    head = MIXED + b"\r\n--b\r\n\r\n"
    _, front = split(head)
    padding = b"x" * (PIECE - len(front) + shift)
    octets = (
        head + padding + b"\r\n--b \t\r\n" + BCC + b"X: y\r\n\r\n" + b"y" * PIECE + b"\r\n--b--"
    )
    with in_file(octets) as lying:
        fields, body = split(lying)
        parts, shown = walk(fields, body), outline(fields, body)
        letter = compose(a_ticket(b"", to=("hidden@x.org",)), lying, NOW)
        mime = letter.mime()

    assert walk(*split(octets)) == parts == shown
    assert 3 == len(parts)
    assert compose(a_ticket(b"", to=("hidden@x.org",)), octets, NOW).body == letter_body(mime)
    assert BCC not in letter_body(mime)


def letter_body(mime: bytes) -> bytes:
    return mime.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("size", [100, 65_000, 65_536, 70_000, 300_000, 4_000_000])
def test_a_header_is_read_to_its_end(size: int) -> None:
    field = b"X-Long: " + b"x" * size + b"\r\n"
    octets = field + MIXED + b"\r\n--b\r\n" + field + b"Content-ID: <c>\r\n\r\ntext\r\n--b--\r\n"
    with in_file(octets) as lying:
        fields, body = split(lying)
        parts = walk(fields, body)

    assert split(octets) == (fields, octets[octets.index(b"\r\n\r\n") + 4 :])
    assert walk(*split(octets)) == parts
    assert field == fields[0].raw == parts[1].fields[0].raw


def test_a_fold_where_the_first_look_ends_is_seen() -> None:
    for size in range(65_500, 65_540):
        octets = b"X-Long: " + b"x" * size + b"\r\n y\r\nSubject: z\r\n\r\nbody"
        with in_file(octets) as lying:
            assert split(octets)[0] == split(lying)[0]


def test_a_header_without_end_is_refused() -> None:
    with (
        in_file(b"X-Long: " + b"x" * 20_000_000) as lying,
        pytest.raises(Uncomposable, match="4,194,304 octets") as error,
    ):
        compose(a_ticket(b""), lying, NOW)

    assert "header-too-large" == error.value.code


def test_a_part_with_a_header_without_end_is_a_file_of_its_own() -> None:
    octets = MIXED + b"\r\n--b\r\nX-Long: " + b"x" * 20_000_000
    with in_file(octets) as lying:
        fields, body = split(lying)
        (file,) = contents_of(fields, body, lambda text: True).files

        assert ("mail.eml", len(octets)) == (file.name, file.content.size)


def test_a_signature_is_seen_wherever_it_stands() -> None:
    for at in (0, PIECE - 40, PIECE - 1, PIECE, 2 * PIECE):
        lines = b"x\r\n" * (at // 3)
        octets = MAIL + lines + b"-----BEGIN PGP SIGNED MESSAGE-----\r\n"
        with in_file(octets) as lying:
            assert compose(a_ticket(b""), lying, NOW).signed
        with in_file(octets.replace(b"\r\n-----BEGIN", b"\r\n -----BEGIN")) as lying:
            assert not compose(a_ticket(b""), lying, NOW).signed


def test_an_attachment_of_a_file_is_the_one_that_was_sent() -> None:
    octets = octets_of(5_000_000)
    with in_file(mail_with(octets)) as lying:
        fields, body = split(lying)
        (file,) = contents_of(fields, body, lambda text: True).files

        assert octets == file.content.whole()
        assert b64encode(octets) == b64encode(b"".join(file.content.blocks(1_000_000, 0)))
