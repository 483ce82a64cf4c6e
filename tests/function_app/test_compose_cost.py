"""No mail costs more than its size explains: not in time, not in memory."""

import random
import time
import tracemalloc
from contextlib import suppress

import pytest

from function_app.compose import Uncomposable, compose
from tests.builders import NOW, a_ticket

SIZE = 10_000_000
QP = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=a\r\n"
NEST = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"

BOMBS = {
    "encoded words": b"Subject: " + b"=?utf-8?q?x?= " * 16_000,
    "a long subject": b"Subject: " + b"x" * SIZE,
    "folds": b"Subject: x\r\n" + b" a\r\n" * (SIZE // 4),
    "folds of blanks": b"Subject: x\r\n" + b" \r\n" * (SIZE // 3),
    "fields": b"X: y\r\n" * (SIZE // 6),
    "encoded names": b"To: " + b"=?utf-8?q?x?= <a@b.org>, " * 20_000,
    "addresses": b"To: " + b"a@b," * 40_000,
    "a long address": b"To: " + b"a" * SIZE,
    "many lists": b"To: a,a,a,a,a,a\r\n" * 9_000,
    "parentheses": b"To: " + b"(" * 160_000,
    "quotes": b"To: " + b'"' * 160_000,
    "escapes": b"To: " + b'\\"' * 80_000,
    "brackets": b"From: " + b"<" * SIZE,
    "references": (b"References:" + b" <a@b>" * 16_000 + b"\r\n") * 100,
    "a message-id": b"Message-ID: " + b"<a" * (SIZE // 2),
    "line feeds": b"Subject: x\n\n" + b"\n" * SIZE,
    "returns": b"Subject: x\r\r" + b"a\r" * (SIZE // 2),
    "no field": b"x" * SIZE,
    "parts": MIXED + b"\r\n" + b"--a\r\n\r\n" * (SIZE // 7),
    "lines like delimiters": MIXED + b"\r\n" + b"--b\r\n" * (SIZE // 5),
    "nesting": b"".join(NEST % (level, level) for level in range(5_000)),
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * (SIZE // 32),
    "parameters": b"Content-Type: multipart/mixed" + b"; a=b" * (SIZE // 5) + b"\r\n\r\n",
    "fields of a part": MIXED + b"\r\n--a\r\n" + b"Bcc: a@b\r\n" * (SIZE // 10),
    "blind copies": MIXED + b"\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n"
    + b"Bcc: a,a,a,a,a,a,a\r\n" * 9_000,
    "quoted-printable": QP + b"=3D" * (SIZE // 3),
    "text": QP + b"Hello, this is a line.=20\r\n" * (SIZE // 27),
}  # fmt: skip


def a_pass_over(size: int) -> float:
    """Seconds that plain copying of `size` octets takes here and now, many times over."""
    octets = random.Random(1).randbytes(size // 2) + b"\r\n" * (size // 4)
    began = time.process_time()
    for _ in range(30):
        octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return time.process_time() - began


@pytest.fixture(scope="module")
def measure() -> float:
    return a_pass_over(SIZE)


def compose_or_refuse(octets: bytes) -> None:
    with suppress(Uncomposable):
        compose(a_ticket(b""), octets, NOW)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_mail_costs_more_than_its_size_explains(bomb: bytes, measure: float) -> None:
    octets = bomb + b"\r\n\r\nbody"
    began = time.process_time()
    compose_or_refuse(octets)
    cost = time.process_time() - began

    assert cost < measure, f"{cost:.3f} s against {measure:.3f} s"


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_no_mail_takes_more_memory_than_its_size_explains(bomb: bytes) -> None:
    octets = bomb + b"\r\n\r\nbody"
    tracemalloc.start()
    try:
        compose_or_refuse(octets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < len(octets) + 50_000_000
