"""Content travels whole or not at all."""

import resource
from pathlib import Path

import pytest

from handoff.content import (
    MOST_IN_MEMORY,
    ContentLost,
    NoRoom,
    drop_content,
    open_content,
    put_inline,
    read_content,
)
from handoff.ids import blob_name_of
from handoff.storage import Storage
from handoff.ticket import MAX_TICKET_BYTES, Content, Ticket, encode
from tests.builders import MAIL, a_ticket, content_of


def in_blob(octets: bytes) -> Ticket:
    ticket = a_ticket(octets)
    content = ticket.content.model_copy(update={"mime": None, "blob": blob_name_of(ticket.id)})
    return ticket.model_copy(update={"content": content})


def test_small_content_travels_inside_the_ticket(storage: Storage) -> None:
    ticket = put_inline(in_blob(MAIL), MAIL)

    assert ticket is not None
    assert ticket.content.blob is None
    assert read_content(ticket.content, storage.mail) == MAIL


def test_content_that_would_not_fit_stays_out() -> None:
    sizes = range(43_000, 45_000, 100)
    fitting = [size for size in sizes if put_inline(in_blob(b"x" * size), b"x" * size)]
    largest = put_inline(in_blob(b"x" * fitting[-1]), b"x" * fitting[-1])

    assert 43_000 < fitting[-1] < 44_900
    assert largest is not None
    assert MAX_TICKET_BYTES - 200 < len(encode(largest)) <= MAX_TICKET_BYTES


def test_content_in_a_blob_is_read_and_dropped(storage: Storage) -> None:
    content = in_blob(MAIL).content
    storage.mail.upload_blob(str(content.blob), MAIL)

    assert read_content(content, storage.mail) == MAIL

    drop_content(content, storage.mail)
    drop_content(content, storage.mail)
    with pytest.raises(ContentLost, match="is gone"):
        read_content(content, storage.mail)


@pytest.mark.parametrize(
    "content",
    [
        content_of(MAIL).model_copy(update={"mime": "YWJj"}),
        content_of(MAIL).model_copy(update={"mime": "YWJ"}),
        content_of(MAIL).model_copy(update={"sha256": "0" * 64}),
    ],
)
def test_content_that_does_not_match_its_hash_is_lost(content: Content, storage: Storage) -> None:
    with pytest.raises(ContentLost):
        read_content(content, storage.mail)


LARGE = b"Subject: x\r\n\r\n" + b"one\r\n" * (MOST_IN_MEMORY // 3)


def stored(octets: bytes, storage: Storage) -> Content:
    content = in_blob(octets).content
    storage.mail.upload_blob(str(content.blob), octets)
    return content


def test_small_content_is_opened_as_bytes(storage: Storage) -> None:
    for content in (content_of(MAIL), stored(MAIL, storage)):
        with open_content(content, storage.mail) as octets:
            assert octets == MAIL


def test_large_content_is_opened_in_a_file_that_has_no_name(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = stored(LARGE, storage)
    before = open_files()

    with open_content(content, storage.mail) as octets:
        assert not isinstance(octets, bytes)
        assert LARGE == octets[:]
        assert [] == list(tmp_path.iterdir())
    assert before == open_files()


def test_in_the_file_every_line_ends_in_crlf(storage: Storage) -> None:
    content = stored(LARGE.replace(b"\r\n", b"\n"), storage)

    with open_content(content, storage.mail) as octets:
        assert LARGE == octets[:]


@pytest.mark.parametrize("change", [b"", b"x"], ids=["too short", "other octets"])
def test_large_content_that_does_not_match_its_hash_is_lost(
    storage: Storage, change: bytes
) -> None:
    content = stored(LARGE, storage)
    storage.mail.upload_blob(str(content.blob), LARGE[:-1] + change, overwrite=True)

    with (
        pytest.raises(ContentLost, match="does not match"),
        open_content(content, storage.mail),
    ):
        raise AssertionError


def test_content_without_end_is_not_read_to_it(storage: Storage) -> None:
    content = in_blob(MAIL).content
    storage.mail.upload_blob(str(content.blob), MAIL + LARGE * 2)

    with pytest.raises(ContentLost, match=rf"octets 4,194,304 of {len(MAIL)}"):
        read_content(content, storage.mail)


def test_a_full_disk_is_no_loss(storage: Storage) -> None:
    content = stored(LARGE, storage)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_IN_MEMORY // 2, hard))
    try:
        with pytest.raises(NoRoom, match="too large"), open_content(content, storage.mail):
            raise AssertionError
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_place_for_a_file_is_no_loss(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")

    with (
        pytest.raises(NoRoom, match="No such file"),
        open_content(stored(LARGE, storage), storage.mail),
    ):
        raise AssertionError


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
