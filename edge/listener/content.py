"""From 354 to 250: read a mail's content into the spool.

The 250 is a promise, and this is the one place that makes it.
"""

import structlog

from edge import policy, replies
from edge.listener.dot_reader import DotReader, with_crlf
from edge.listener.reception import Reception
from edge.listener.wire import Wire
from edge.paths import MailFrom
from edge.replies import Reply
from edge.settings import Device
from edge.spool import Draft, SpoolFull, SpoolUnavailable
from handoff.ids import blob_name_of, new_id
from handoff.ticket import Content, Envelope, SendAs, Ticket

_OVERRUN = 1024 * 1024
"""How much above the limit is read for the sake of a proper answer."""
log = structlog.get_logger()


async def take_content(
    wire: Wire,
    reception: Reception,
    device: Device,
    mail: MailFrom,
    forward_paths: tuple[str, ...],
) -> Reply:
    """Receive the content, make the mail durable, and say so. Raises ConnectionEnded."""
    mail_id = new_id(reception.now())
    draft = reception.spool.draft(mail_id, mail.size)
    try:
        refusal = await _receive(wire, reception, draft)
    except BaseException:
        draft.abandon()
        raise
    if refusal is not None:
        draft.abandon()
        return refusal
    received_at = reception.now()
    ticket = Ticket(
        v=1,
        kind="mail",
        id=mail_id,
        site=reception.settings.site,
        device=device.name,
        received_at=received_at,
        envelope=Envelope(
            reverse_path=mail.reverse_path, forward_paths=forward_paths, smtputf8=mail.smtputf8
        ),
        send_as=SendAs(
            mailbox=device.send_as, from_policy=device.from_policy, identity=device.identity
        ),
        content=Content(size=draft.size, sha256=draft.sha256, blob=blob_name_of(mail_id)),
    )
    try:
        await reception.spool.accept(draft, ticket)
    except SpoolUnavailable as error:
        return _spool_fault(error, reception)
    _tell(ticket, wire, reception)
    return replies.queued(mail_id)


async def _receive(wire: Wire, reception: Reception, draft: Draft) -> Reply | None:
    """Fill `draft`. Reads to the end of the content even when a Reply refuses it."""
    limit = reception.limits.message_size
    is_legacy = reception.listener.profile == "legacy"
    reader = DotReader()
    size = 0
    fault: Reply | None = None
    while not reader.has_ended:
        piece = reader.feed(await wire.next_chunk())
        size += len(piece)
        if size > limit + _OVERRUN:
            wire.end_after_reply()
            return replies.too_large(limit)
        if fault is not None or size > limit:
            continue
        if is_legacy and reader.has_bare_line_ends:
            piece = with_crlf(piece)
        try:
            await draft.write(piece)
        except SpoolUnavailable as error:
            fault = _spool_fault(error, reception)
    # A client that pipelines has sent its next commands behind the end.
    wire.put_back(reader.rest)
    return fault or policy.check_content(
        size, reader.has_bare_line_ends, reception.listener, reception.limits
    )


def _spool_fault(error: SpoolUnavailable, reception: Reception) -> Reply:
    log.error("spool_fault", reason=str(error), listener=reception.listener.name)
    return replies.SPOOL_FULL if isinstance(error, SpoolFull) else replies.SPOOL_UNAVAILABLE


def _tell(ticket: Ticket, wire: Wire, reception: Reception) -> None:
    listener, metrics = reception.listener.name, reception.metrics
    took = reception.now() - ticket.received_at
    metrics.mails.labels(listener, "accepted").inc()
    metrics.mail_size.observe(ticket.content.size)
    metrics.accept_seconds.observe(took.total_seconds())
    log.info(
        "spooled",
        id=ticket.id,
        device=ticket.device,
        listener=listener,
        peer=str(wire.address),
        size=ticket.content.size,
        recipients=len(ticket.envelope.forward_paths),
        received_at=ticket.received_at.isoformat(),
    )
