"""A mailbox that is throttled rests for all its mails, and is tried by one of them."""

from function_app.pacing.pace import LONGEST_PAUSE, SHORT, Go, Pace, Wait
from tests.function_app.test_pacing import NOW, USUAL, ask, sent, wait


def test_a_throttled_mailbox_is_closed_to_everybody() -> None:
    pace = Pace(USUAL)
    ask(pace, "a")
    pace.close(NOW, 20)

    assert [NOW + 20, NOW + 22] == [wait(pace, mail, NOW + 1) for mail in "bc"]


def test_a_closed_mailbox_is_tried_by_one_mail() -> None:
    pace = Pace(USUAL)
    pace.close(NOW, 20)

    assert Go(NOW + 20) == ask(pace, "a", NOW + 20)
    assert [NOW + 22, NOW + 24] == [wait(pace, mail, NOW + 20) for mail in "bc"]
    pace.end(NOW + 20, NOW + 21)
    pace.reopen(NOW + 20)
    assert [Go(NOW + 21), Go(NOW + 21)] == [ask(pace, mail, NOW + 21) for mail in "bc"]


def test_a_trial_that_tells_nothing_is_followed_by_another() -> None:
    pace = Pace(USUAL)
    pace.close(NOW, 20)
    ask(pace, "a", NOW + 20)
    pace.end(NOW + 20, NOW + 21)

    assert Go(NOW + 21) == ask(pace, "b", NOW + 21)
    assert isinstance(ask(pace, "c", NOW + 21), Wait)


def test_a_mail_from_before_does_not_open_a_closed_mailbox() -> None:
    pace = Pace(USUAL)
    ask(pace, "a")
    ask(pace, "b")
    pace.close(NOW + 1, 20)
    pace.reopen(NOW)

    assert "throttled" == pace.state
    assert NOW + 21 == wait(pace, "c", NOW + 2)


def test_pauses_double_when_the_provider_tells_none() -> None:
    pace, now, pauses = Pace(USUAL), NOW, []
    for _ in range(10):
        pace.close(now, None)
        pauses.append(pace.closed_until - now)
        now = pace.closed_until

    assert [2, 4, 8, 16, 32, 64, 128, 256, LONGEST_PAUSE, LONGEST_PAUSE] == pauses


def test_refusals_of_one_moment_are_one_throttle() -> None:
    pace = Pace(USUAL)
    for _ in range(4):
        pace.close(NOW, None)

    assert NOW + 2 == pace.closed_until


def test_the_longest_of_several_pauses_counts() -> None:
    pace = Pace(USUAL)
    pace.close(NOW, 60)
    pace.close(NOW + 1, 5)

    assert NOW + 60 == pace.closed_until


def test_a_pause_of_nothing_is_a_second() -> None:
    pace = Pace(USUAL)
    pace.close(NOW, 0)

    assert NOW + SHORT == pace.closed_until


def test_a_success_forgets_the_throttles_before_it() -> None:
    pace = Pace(USUAL)
    for _ in range(4):
        pace.close(pace.closed_until if pace.state == "throttled" else NOW, None)
    sent(pace, "a", pace.closed_until)
    pace.close(NOW + 100, None)

    assert NOW + 102 == pace.closed_until
