"""Who is told of what by mail, and what that mail says. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from function_app.mime.addresses import normal
from function_app.notices.alarm_news import lets_send
from function_app.notices.alarms import Alarm
from function_app.notices.dead_mail import DeadMail, Header, news_of
from function_app.notices.letters import letter, on_digest, on_news, plain
from function_app.notices.loops import is_automatic, is_own, may_hear
from function_app.notices.news import Digest, News, derived_id
from function_app.notices.own_mail import OwnMail, way_from, way_of
from function_app.notices.report import Death, report
from function_app.notices.settings import NoticeSettings
from handoff.ticket import SendAs


@dataclass(frozen=True)
class Errand:
    """One thing that one addressee is to be told."""

    news: News
    to: str
    way: SendAs
    write: Callable[[str], bytes]
    """The mail, given the id that it is sent under."""

    def mail(self) -> OwnMail:
        """The same at each call."""
        id_ = derived_id(self.news.since, self.news.id, normal(self.to))
        return OwnMail(id_, self.to, self.way, self.write(id_))


def on_dead(
    mail: DeadMail, settings: NoticeSettings, header_of: Callable[[str], Header | None]
) -> Iterator[Errand]:
    """The sender gets a report, if he may be told; each operator a mail."""
    ticket = mail.ticket
    if ticket is not None and is_own(ticket):
        return
    way = way_of(ticket.send_as if ticket else None, mail.code, settings.mailbox)
    if way is None:
        return
    to_sender = _to_sender(mail, way, settings, header_of)
    if to_sender is not None:
        yield to_sender
    for operator in settings.operators:
        if to_sender is None or normal(operator) != normal(to_sender.to):
            yield _to_operator(news_of(mail), operator, way)


def on_alarm(news: News, known: list[Alarm], settings: NoticeSettings) -> Iterator[Errand]:
    """Each operator gets a mail, if any can get through; `known` are all alarms."""
    way = way_from(settings.mailbox)
    if way is None or not lets_send(known, way):
        return
    for operator in settings.operators:
        yield _to_operator(news, operator, way)


def in_one(errands: list[Errand]) -> Errand:
    """All `errands`, which have one addressee, as a digest."""
    first = errands[0]
    digest = Digest.of([errand.news for errand in errands], normal(first.to))
    news = replace(first.news, id=digest.id, about=digest.id, at=digest.at, since=digest.at)
    return _plain(news, first.to, first.way, *on_digest(digest))


def _to_sender(
    mail: DeadMail,
    way: SendAs,
    settings: NoticeSettings,
    header_of: Callable[[str], Header | None],
) -> Errand | None:
    ticket = mail.ticket
    if ticket is None or not may_hear(ticket.envelope, settings.domains):
        return None
    header = header_of(mail.notice.id)
    if header is not None and (not header.is_whole or is_automatic(list(header.fields))):
        return None
    death = Death(ticket, mail.code, mail.reason, mail.at, header.fields if header else None)
    to = ticket.envelope.reverse_path
    return Errand(
        news_of(mail), to, way, lambda id_: report(death, id_=id_, mailbox=way.mailbox, to=to)
    )


def _to_operator(news: News, to: str, way: SendAs) -> Errand:
    return _plain(news, to, way, *on_news(news))


def _plain(news: News, to: str, way: SendAs, subject: str, text: str) -> Errand:
    return Errand(
        news,
        to,
        way,
        lambda id_: letter(
            plain(text),
            id_=id_,
            mailbox=way.mailbox,
            to=to,
            subject=subject,
            moment=news.at,
            automatic="auto-generated",
        ),
    )
