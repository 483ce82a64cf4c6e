"""What a letterhead writes reads back as the ticket that was meant."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edge.paths import MailFrom, read_mail, read_recipient
from handoff.ids import blob_name_of, new_id
from handoff.letterhead import Letterhead
from handoff.ticket import Client, Content, Envelope, SendAs, Ticket, decode, encode
from tests.builders import NOW

labels = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40)
addresses = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=80
)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@given(
    st.builds(
        Ticket,
        v=st.just(1),
        kind=st.just("mail"),
        id=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
            new_id
        ),
        site=labels,
        device=labels,
        received_at=st.just(NOW),
        envelope=st.builds(
            Envelope,
            reverse_path=st.just("") | addresses,
            forward_paths=st.lists(addresses, min_size=1, max_size=5).map(tuple),
            smtputf8=st.booleans(),
        ),
        send_as=st.builds(
            SendAs,
            mailbox=addresses,
            identity=st.just("default") | st.just("partner"),
            sealed=st.none() | st.just("eyJhbGciOi.x_y-z"),
        ),
        content=st.builds(
            Content,
            size=st.integers(0, 2**40),
            sha256=st.just("0123456789abcdef" * 4),
            blob=st.just("placeholder").map(lambda _: blob_name_of(new_id(NOW))),
        ),
        client=st.builds(Client, listener=labels, address=labels, signed_in=st.booleans()),
        trace=st.none() | st.just(TRACE),
    )
)
def test_what_is_written_reads_back_as_the_same_ticket(meant: Ticket) -> None:
    content = meant.content.model_copy(update={"blob": blob_name_of(meant.id)})
    meant = meant.model_copy(update={"content": content})
    assert meant.client is not None
    letterhead = Letterhead(meant.site, meant.device, meant.send_as, meant.client)

    written = letterhead.ticket(
        meant.id,
        "2026-11-21T05:00:00.123Z",
        meant.envelope.reverse_path,
        list(meant.envelope.forward_paths),
        smtputf8=meant.envelope.smtputf8,
        size=meant.content.size,
        sha256=meant.content.sha256,
        trace=meant.trace or "",
    )

    assert meant == decode(written)
    assert written.isascii()
    assert len(written) <= len(encode(meant))


@given(
    st.from_regex(r"FROM:<[^<>\x00-\x1f]{0,40}>( SMTPUTF8)?", fullmatch=True),
    st.from_regex(r"TO:<[^<>]{1,40}>", fullmatch=True),
)
def test_every_address_that_is_let_in_fits_a_ticket(mail: str, recipient: str) -> None:
    said = read_mail(mail)
    path = read_recipient(recipient, smtputf8=True)
    sender = said.reverse_path if isinstance(said, MailFrom) else ""
    path = path if isinstance(path, str) else "ann@contoso.com"
    letterhead = Letterhead(
        "", "", SendAs(mailbox="a@b"), Client(listener="", address="", signed_in=False)
    )

    read = decode(
        letterhead.ticket(
            new_id(NOW),
            "2026-11-21T05:00:00.123Z",
            sender,
            [path],
            smtputf8=True,
            size=1,
            sha256="0" * 64,
        )
    )

    assert (sender, (path,)) == (read.envelope.reverse_path, read.envelope.forward_paths)
