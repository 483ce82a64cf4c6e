"""What an hour came to, by whom it was counted, and what the last hour, day and week are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.reading.album import Album
from console.reading.figures import Month, Picture, Recent, shares, take
from function_app.tally import WEEK, due, tally
from handoff.delivery import State
from handoff.hours import HOUR, Figures, Hour, Hours, Share, hour_of
from handoff.storage import Storage
from tests.console.past import Past

NOW = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_an_hour_is_counted_by_state_code_device_and_mailbox(storage: Storage) -> None:
    past = Past(storage, NOW)
    past.mails([5 * MINUTE, 6 * MINUTE], took=timedelta(seconds=1.7), device="erp")
    past.mail(7 * MINUTE, State.DEAD, "ErrorInvalidUser", device="ups", mailbox="ups@contoso.com")
    past.mail(8 * MINUTE, State.DEFERRED, "http-503")
    tally(storage, NOW)
    (hour,) = Hours(storage.status).read(NOW, NOW + HOUR, with_names=True)
    figures = hour.figures

    assert figures.states == {State.SENT: 2, State.DEAD: 1, State.DEFERRED: 1}
    assert figures.codes == {"ErrorInvalidUser": 1, "http-503": 1}
    assert (figures.mails, figures.waiting, figures.attempts) == (4, 1, 4)
    assert figures.percentile(0.5) == 2.0
    assert figures.devices["plant-2/ups"].fault == "ErrorInvalidUser"
    assert (figures.devices["plant-2/erp"].mails, figures.devices["plant-2/erp"].sent) == (2, 2)
    assert figures.mailboxes["ups@contoso.com"].failed == 1


def test_mail_that_comes_late_is_counted_within_a_day_of_rounds(storage: Storage) -> None:
    past = Past(storage, NOW)
    tally(storage, NOW)
    past.mail(30 * HOUR)
    for number in range(WEEK // 7 + 1):
        tally(storage, NOW + number * timedelta(seconds=1))
    hours = Hours(storage.status).read(NOW - 40 * HOUR, NOW - 20 * HOUR, with_names=False)

    assert sum(hour.figures.mails for hour in hours) == 1


def test_hours_with_waiting_mail_are_counted_at_every_round() -> None:
    this_hour = hour_of(NOW)
    waiting = this_hour - 100 * HOUR
    known = {
        this_hour - number * HOUR: Hour(this_hour - number * HOUR, Figures(), NOW)
        for number in range(WEEK)
    }
    known[waiting] = Hour(waiting, Figures(states={State.DEFERRED: 1}), NOW + DAY)
    chosen = due(known, this_hour)

    assert waiting in chosen
    assert {this_hour, this_hour - HOUR} < set(chosen)
    assert len(chosen) == 2 + 1 + 7


def test_a_picture_has_the_last_hour_day_and_week(storage: Storage) -> None:
    past = Past(storage, NOW)
    past.mails([10 * MINUTE, 40 * MINUTE, 70 * MINUTE, 10 * HOUR, 30 * HOUR, 8 * DAY])
    for number in range(WEEK // 7 + 2):
        tally(storage, NOW + number * timedelta(seconds=1))
    past.mail(MINUTE)
    picture = take(storage, Recent(storage), NOW)

    assert picture.last(HOUR).mails == 3
    assert picture.last(DAY).mails == 5
    assert picture.last(7 * DAY).mails == 6
    assert shares(storage, DAY, NOW).devices["plant-2/scanner-2f"].mails == 5


def test_an_album_takes_the_first_picture_at_once_and_no_second_meanwhile(storage: Storage) -> None:
    taken: list[Picture] = []

    def take_one() -> Picture:
        taken.append(take(storage, Recent(storage), NOW))
        return taken[-1]

    album = Album(take_one)

    assert album.newest() is album.newest()
    assert len(taken) == 1


def test_recent_mail_is_as_fresh_as_a_mail_that_waited(storage: Storage) -> None:
    past, recent = Past(storage, NOW), Recent(storage)
    old = past.mails([30 * MINUTE, 31 * MINUTE])
    waiting = past.mail(20 * MINUTE, State.DEFERRED, "http-503")

    def states(now: datetime) -> dict[str, State]:
        return {line.id: line.state for line in recent.lines(now)}

    assert len(states(NOW)) == 3

    young = past.mail(MINUTE)
    later = past.mail(25 * MINUTE, State.DEFERRED, "http-503")

    assert states(NOW).keys() == {row.id for row in (*old, waiting, young, later)}

    past.write([replace(waiting, state=State.SENT)])

    assert states(NOW)[waiting.id] is State.SENT

    late = past.mail(40 * MINUTE)

    assert late.id not in states(NOW)
    assert late.id in states(NOW + 5 * MINUTE)


def test_a_month_reads_its_old_hours_once(storage: Storage) -> None:
    past, hours, month = Past(storage, NOW), Hours(storage.status), Month(storage)
    begins = hour_of(NOW)

    def counted(ago: timedelta, mails: int) -> None:
        figures = Figures(states={State.SENT: mails}, devices={"a/b": Share(mails=mails)})
        hours.write(Hour(begins - ago, figures, NOW))

    counted(20 * DAY, 1_000)
    counted(2 * DAY, 100)
    past.mails([MINUTE, 70 * MINUTE])

    assert month.read(NOW).mails == 1_102
    assert month.read(NOW).devices["a/b"].mails == 1_100

    counted(20 * DAY, 5_000)
    counted(2 * DAY, 200)

    assert month.read(NOW).mails == 1_202
    assert month.read(NOW + DAY).mails == 5_200
