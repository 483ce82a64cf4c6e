"""Content travels whole or not at all."""

import pytest

from handoff.content import ContentLost, drop_content, put_inline, read_content
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
