"""Buckets and windows: tables over time."""

from ipaddress import ip_address

from edge.listener.quotas import Allowances, FailedSignIns
from edge.notation import Rate
from edge.settings import Limits

HERE, THERE = ip_address("10.0.0.1"), ip_address("10.0.0.2")
LIMITS = Limits(failed_sign_ins_per_address=2, failed_sign_ins_per_login=3)


def test_a_bucket_refills_steadily() -> None:
    allowances, rate = Allowances(), Rate(2, 60)
    moments = (0, 0, 0, 10, 30, 31, 60, 1000, 1000)
    waits = [round(allowances.take("scanner", rate, now), 6) for now in moments]

    assert [0, 0, 30, 20, 0, 29, 0, 0, 0] == waits


def test_buckets_belong_to_one_device() -> None:
    allowances, rate = Allowances(), Rate(1, 60)

    assert [0, 0, 60] == [allowances.take(name, rate, 0) for name in ("a", "b", "a")]


def test_a_window_ends_ten_minutes_after_it_began() -> None:
    fails = FailedSignIns()
    fails.failed(HERE, "scanner", 0)
    fails.failed(HERE, "scanner", 500)

    assert [False, False, True] == [
        fails.may_try(HERE, "scanner", LIMITS, now) for now in (500, 599, 600)
    ]


def test_addresses_and_logins_are_counted_apart() -> None:
    fails = FailedSignIns()
    for login in ("a", "b"):
        fails.failed(HERE, login, 0)

    assert not fails.may_try(HERE, "c", LIMITS, 1)
    assert fails.may_try(THERE, "a", LIMITS, 1)

    for number in range(2):
        fails.failed(ip_address(number), "a", 0)

    assert not fails.may_try(THERE, "a", LIMITS, 1)


def test_who_has_just_signed_in_is_not_locked_out_by_others() -> None:
    fails = FailedSignIns()
    fails.succeeded(HERE, "scanner")
    for number in range(10):
        fails.failed(HERE, "other", 0)
        fails.failed(ip_address(number), "scanner", 0)

    assert fails.may_try(HERE, "scanner", LIMITS, 1)

    fails.failed(HERE, "scanner", 1)

    assert not fails.may_try(HERE, "scanner", LIMITS, 1)


def test_what_is_remembered_is_bounded() -> None:
    fails = FailedSignIns()
    for number in range(10_001):
        fails.failed(ip_address(number), str(number), 0)
        fails.failed(ip_address(number), str(number), 0)

    assert fails.may_try(ip_address(0), "first", LIMITS, 1)
    assert not fails.may_try(ip_address(10_000), "last", LIMITS, 1)
