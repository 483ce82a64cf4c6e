"""`relay send-test`: one real mail through the real door, followed until it is sent."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from console.place import edge_settings
from console.reading.life import Life, read_life
from console.terminal import Config, at_work, complain, faults_told, plain, say, say_json
from console.trial import Fault, NoDoor, Trial, door_of, sender_of, sentence_of, submit
from console.usage import FAILED, WRONG_USAGE, Json
from handoff.delivery import ENDED, State
from handoff.storage import Storage

_LOOK_SECONDS = 0.2


def send_test(
    to: Annotated[list[str], typer.Option(help="Who gets the mail. May be repeated.")],
    sender: Annotated[str, typer.Option("--from", help="The reverse-path.")] = "",
    listener: Annotated[str, typer.Option(help="The name of a listener of the edge.")] = "",
    user: Annotated[str, typer.Option(help="The device that signs in.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="The file with its password.", dir_okay=False)
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds until it must be sent.")] = 120,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Send a real mail through the edge beside us, and tell its time at each station."""
    if bool(user) != bool(password_file):
        raise complain("--user and --password-file need each other.", WRONG_USAGE)
    with faults_told():
        settings = edge_settings(os.environ, config)
    if settings is None:
        raise complain("Name the edge's settings with --config.", WRONG_USAGE)
    began = time.monotonic()
    try:
        door, reverse_path = door_of(settings, listener), sender or sender_of(settings)
        password = password_file.read_text("utf-8").strip() if password_file else ""
        mail_id = submit(door, Trial(reverse_path, tuple(to), user, password))
    except NoDoor as fault:
        raise complain(str(fault), WRONG_USAGE) from fault
    except Fault as fault:
        where = f"{door.host}:{door.port}"
        raise complain(f"{where} did not take it: {sentence_of(fault)}", FAILED) from fault
    if not as_json:
        say(f"accepted   {mail_id}  {(time.monotonic() - began) * 1000:.0f} ms")
    with at_work(config) as storage:
        life = _followed(storage, mail_id, wait)
    _tell(mail_id, life, as_json)


def _followed(storage: Storage, mail_id: str, wait: float) -> Life | None:
    """Its life as it is when the mail ended, or when the wait did."""
    give_up_at = time.monotonic() + wait
    life = read_life(storage, mail_id)
    while (life is None or life.mail.state not in ENDED) and time.monotonic() < give_up_at:
        time.sleep(_LOOK_SECONDS)
        life = read_life(storage, mail_id)
    return life


def _tell(mail_id: str, life: Life | None, as_json: bool) -> None:
    if life is None:
        raise complain(
            f"The function app has not seen {mail_id} in time. Ask: relay doctor", FAILED
        )
    if as_json:
        say_json(plain(life) | {"sentence": life.sentence})
    else:
        for station in life.stations[1:]:
            after = (station.at - life.stations[0].at).total_seconds() * 1000
            say(f"{station.name:<10} +{after:.0f} ms  {station.text}")
        say(life.sentence, "bold")
    if life.mail.state is not State.SENT:
        raise complain(f"It was not sent. More: relay why {mail_id}", FAILED)
