"""The round that tells: alarms and dead mails, by mail and to the webhook.

What is told leaves its row only when the mails are in the queue and the events are noted. A crash
before that has the next round do it again, under the same ids: the ledger then knows the mails,
and the receiver of the webhook the events.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from azure.core.exceptions import AzureError

from function_app.log import log
from function_app.mime.addresses import normal
from function_app.notices import alarms, board, events
from function_app.notices.alarm_news import is_past
from function_app.notices.alarm_news import news_of as news_of_alarm
from function_app.notices.board import Fate, Notice, fate_of
from function_app.notices.dead_mail import DeadMail, find, header_of, news_of
from function_app.notices.errands import Errand, in_one, on_alarm, on_dead
from function_app.notices.lease import round_lease
from function_app.notices.own_mail import send
from function_app.notices.quota import singles
from function_app.notices.settings import NoticeSettings
from handoff.ledger import Ledger
from handoff.storage import Storage

_UNREADABLE = (AzureError, ValueError, LookupError, TypeError)


def tell(storage: Storage, settings: NoticeSettings, now: datetime) -> None:
    """Make one round. Faults of the storage account pass through; the next round goes on."""
    with round_lease(storage, now) as is_mine:
        if is_mine:
            try:
                _Round(storage, settings, now).make()
            finally:
                events.post_due(settings.webhook, storage, now)


@dataclass(frozen=True)
class _Round:
    storage: Storage
    settings: NoticeSettings
    now: datetime

    def make(self) -> None:
        known = alarms.found(self.storage)
        told = {alarm: news for alarm in known if (news := news_of_alarm(alarm, self.now))}
        # With wrong settings nobody knows who should be told: dead mails wait, alarms do not.
        dead = list(self._dead()) if self.settings.is_right else []
        headers = partial(header_of, storage=self.storage)
        errands = [e for news in told.values() for e in on_alarm(news, known, self.settings)]
        errands += [e for mail in dead for e in on_dead(mail, self.settings, headers)]
        self._mail(errands)
        if self.settings.webhook is not None:
            events.note([*told.values(), *map(news_of, dead)], self.storage, self.now)
        for alarm in known:
            if is_past(alarm, self.now):
                alarms.end(alarm, self.storage)
            elif alarm in told:
                alarms.note_told(alarm, self.storage, self.now)
        board.drop((mail.notice for mail in dead), self.storage)

    def _dead(self) -> Iterator[DeadMail]:
        for notice in board.due(self.storage, self.now):
            try:
                mail = self._to_be_told(notice)
            except _UNREADABLE as fault:
                log("notice-unread", logging.ERROR, id=notice.id, code=type(fault).__name__)
                board.put_off(notice, self.storage, self.now)
                continue
            if mail is not None:
                yield mail

    def _to_be_told(self, notice: Notice) -> DeadMail | None:
        row = None if notice.is_stranger else Ledger(self.storage.deliveries).find(notice.id)
        fate = fate_of(notice, row)
        if fate is Fate.WAIT:
            board.put_off(notice, self.storage, self.now)
            return None
        mail = find(notice, self.storage) if fate is Fate.TELL else None
        if mail is None:
            board.drop([notice], self.storage)
        return mail

    def _mail(self, errands: list[Errand]) -> None:
        addressees: dict[str, list[Errand]] = {}
        for errand in errands:
            addressees.setdefault(normal(errand.to), []).append(errand)
        for addressee, of_one in addressees.items():
            ids = [errand.news.id for errand in of_one]
            alone = singles(addressee, ids, self.storage, self.now)
            rest = [errand for errand in of_one if errand.news.id not in alone]
            for errand in of_one:
                if errand.news.id in alone:
                    self._send(errand)
            if rest:
                self._send(rest[0] if len(rest) == 1 else in_one(rest))

    def _send(self, errand: Errand) -> None:
        mail = errand.mail()
        send(mail, self.storage, self.now)
        log("notice", id=mail.id, about=errand.news.about)
