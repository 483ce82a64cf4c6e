"""`relay why`: the whole life of a mail, in plain words."""

import os
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import typer

from console.place import Beside
from console.reading.deliveries import walk
from console.reading.life import Life, read_life
from console.reading.query import Query
from console.reading.whereabouts import Whereabouts, whereabouts
from console.terminal import Config, at_work, complain, plain, say, say_json, talk
from console.usage import FAILED, Json
from console.words import stamp
from handoff.ids import is_id
from handoff.ledger_reader import LedgerReader

_OTHERS = 10


def why(
    what: Annotated[str, typer.Argument(help="An id, a Message-ID, a recipient, or a device.")],
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Tell the life of a mail: who brought it, each attempt, what to do."""
    with at_work(config) as storage:
        now = datetime.now(UTC)
        mail_id = what.strip().upper()
        others: list[str] = []
        if not is_id(mail_id):
            found = walk(LedgerReader(storage.deliveries), Query(words=(what.casefold(),)), now)
            ids = [line.id for line in islice(found, _OTHERS + 1)]
            if not ids:
                raise complain(f'The ledger has no mail that "{what}" would be about.', FAILED)
            mail_id, *others = ids
        life = read_life(storage, mail_id)
        if life is None:
            place = whereabouts(mail_id, storage, Beside(os.environ, config).spool, now)
            _tell_place(mail_id, place, as_json)
            return
    if as_json:
        say_json(plain(life) | {"sentence": life.sentence, "others": others})
        return
    _tell(life)
    if others:
        talk.print(f'The newest of several; "{what}" is also in: {" ".join(others)}', markup=False)


def _tell_place(mail_id: str, place: Whereabouts, as_json: bool) -> None:
    """Of a mail that the ledger does not know."""
    if not place.place:
        raise complain(place.sentence, FAILED)
    if as_json:
        say_json({"id": mail_id, "place": place.place, "sentence": place.sentence})
    else:
        say(f"{mail_id}  {place.sentence}", "bold")


def _tell(life: Life) -> None:
    mail = life.mail
    say(f"{mail.id}  {life.sentence}", "bold")
    say(f"  from     {mail.reverse_path or '<> (nobody)'}, sent as {mail.mailbox}")
    more = mail.recipient_count - len(mail.recipients)
    say(f"  to       {', '.join(mail.recipients)}{f' and {more:,} more' if more else ''}")
    if mail.message_id:
        say(f"  message  {mail.message_id}")
    say(f"  support  client-request-id {life.client_request_id}")
    say("")
    for station in life.stations:
        code = f" [{station.code}]" if station.code else ""
        say(f"  {stamp(station.at)}  {station.name:<10} {code} {station.text}".replace("  [", " ["))
    if life.remedy is not None:
        say("")
        say(f"  means    {life.remedy.means}")
        say(f"  do       {life.remedy.fix}")
    if life.has_dead_letter:
        say(f"  then     relay dead redrive {mail.id}   (or discard)")
