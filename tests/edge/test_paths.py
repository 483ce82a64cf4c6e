"""MAIL and RCPT as written by devices, and what no address may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import replies
from edge.paths import MailFrom, read_mail, read_recipient


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<a@b.org>", MailFrom("a@b.org")),
        ("from:<>", MailFrom("")),
        ("FROM: < a@b.org > SIZE=12", MailFrom("a@b.org", 12)),
        ("FROM:<a@b.org> SMTPUTF8 BODY=8BITMIME", MailFrom("a@b.org", smtputf8=True)),
        ("FROM:<a@b.org>SIZE=12", replies.BAD_SYNTAX),
        ("FROM:<a@b.org> SIZE=-1", replies.BAD_SYNTAX),
        ('FROM:<"john doe"@b.org>', MailFrom('"john doe"@b.org')),
        ("FROM:<scanner>", MailFrom("scanner")),
        ("FROM:<a@[127.0.0.1]>", MailFrom("a@[127.0.0.1]")),
        ("FROM:", replies.BAD_SYNTAX),
        ("", replies.BAD_SYNTAX),
        ("FROM:<a@b.org", replies.BAD_SYNTAX),
        ("FROM:<" + "a" * 65 + "@b.org>", replies.BAD_ADDRESS),
        ("FROM:<a@" + "b" * 250 + ">", replies.BAD_ADDRESS),
        ("FROM:<a@b.org> SMTPUTF8=1", MailFrom("a@b.org")),
    ],
)
def test_the_argument_of_mail_is_read_as_devices_write_it(argument: str, expected: object) -> None:
    assert expected == read_mail(argument)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<a@b.org>", "a@b.org"),
        ("TO:<A@B.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@b.org", "A@B.org"),
        ("TO:<@x.org,@y.org:a@b.org>", "a@b.org"),
        ("TO:<>", replies.BAD_ADDRESS),
        ("TO:<a>", replies.BAD_ADDRESS),
        ("TO:<a@b.org,c@d.org>", replies.BAD_ADDRESS),
        ("TO:<a@-b.org>", replies.BAD_ADDRESS),
        ("TO:<=?utf-8?b?Ig0KQmNjOiBjQGQub3Jn?=@b.org>", replies.BAD_ADDRESS),
        ('TO:<"=?x?Q?c=40d.org=2C?="@b.org>', replies.BAD_ADDRESS),
        ("TO:<a=?b@b.org>", "a=?b@b.org"),
        ("TO:<a@b.org> X=1", replies.UNKNOWN_PARAMETER),
        ("FROM:<a@b.org>", replies.BAD_SYNTAX),
    ],
)
def test_the_argument_of_rcpt_is_read_as_devices_write_it(argument: str, expected: object) -> None:
    assert expected == read_recipient(argument, smtputf8=False)


@given(st.text(alphabet=st.characters(), max_size=60).map(lambda text: "TO:" + text))
def test_a_recipient_is_safe_to_write_anywhere(argument: str) -> None:
    path = read_recipient(argument, smtputf8=True)
    if isinstance(path, str):
        path.encode("utf-8")

        assert not any(ord(character) < 32 or ord(character) == 127 for character in path)
        assert "@" in path


@pytest.mark.parametrize("end", ["\x85", "\x9b", "\u2028", "\u2029"])
@pytest.mark.parametrize("path", ["a{}b@c.org", '"a{}b"@c.org', '"a\\{}b"@c.org', "a@b{}c.org"])
def test_what_some_take_for_the_end_of_a_line_is_in_no_address(path: str, end: str) -> None:
    assert replies.BAD_ADDRESS == read_recipient(f"TO:<{path.format(end)}>", smtputf8=True)
