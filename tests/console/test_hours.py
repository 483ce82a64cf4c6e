"""What an hour came to, by whom it was counted, and what the last hour, day and week are."""

from datetime import UTC, datetime, timedelta

from console.reading.figures import Album, Picture, shares, take
from function_app.tally import WEEK, due, tally
from handoff.delivery import State
from handoff.hours import HOUR, Figures, Hour, Hours, hour_of
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
    picture = take(storage, NOW)

    assert picture.last(HOUR).mails == 3
    assert picture.last(DAY).mails == 5
    assert picture.last(7 * DAY).mails == 6
    assert shares(storage, DAY, NOW).devices["plant-2/scanner-2f"].mails == 5


def test_an_album_takes_the_first_picture_at_once_and_no_second_meanwhile(storage: Storage) -> None:
    taken: list[Picture] = []

    def take_one() -> Picture:
        taken.append(take(storage, NOW))
        return taken[-1]

    album = Album(take_one)

    assert album.newest() is album.newest()
    assert len(taken) == 1
