"""Who may send what: tables."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from edge import replies
from edge.credentials import hash_password
from edge.policy import (
    UNKNOWN,
    Client,
    Refusal,
    check_client,
    check_content,
    check_forward_path,
    check_reverse_path,
    check_sign_in,
    device_at,
    device_named,
    is_learning,
    rule_that_let_in,
)
from edge.replies import Reply
from edge.settings import Device, LearningSettings, Limits, Listener

LIMITS = Limits(message_size=100, recipients=2)
TOO_LARGE = Refusal("limits.message_size", replies.too_large(100))


def device(**fields: Any) -> Device:
    tree = {"name": "scanner", "networks": ["10.0.0.0/8"], "send_as": "scan@contoso.com"} | fields
    return Device.model_validate(tree)


def listener(**fields: Any) -> Listener:
    return Listener.model_validate({"name": "door", "address": "127.0.0.1:0"} | fields)


def client(door: Listener, **facts: Any) -> Client:
    known: dict[str, Any] = {"encrypted": True, "device": device(), "signed_in": True} | facts
    return Client(address=ip_address("10.0.0.1"), listener=door, **known)


LAN = listener(tls="none", profile="legacy", auth="off")


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"device": device(password_hash=hash_password("x"))}, "devices[].password_hash"),
        ({}, "entra"),
        ({"signed_in": False}, "devices[].networks 10.0.0.0/8"),
        (
            {"signed_in": False, "device": device(networks=["10.0.0.0/8", "10.0.0.0/24"])},
            "devices[].networks 10.0.0.0/24",
        ),
        ({"signed_in": False, "device": device(networks=["10.9.0.0/16"])}, ""),
        ({"signed_in": False, "device": None}, ""),
    ],
    ids=["password", "entra", "network", "the narrowest", "moved away", "nobody"],
)
def test_the_setting_that_let_a_client_in_has_a_name(facts: dict[str, Any], rule: str) -> None:
    assert rule_that_let_in(client(LAN, **facts)) == rule


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (client(listener()), None),
        (client(listener(), encrypted=False), ("listeners[].tls", replies.STARTTLS_REQUIRED)),
        (client(listener(), signed_in=False), ("listeners[].auth", replies.AUTH_REQUIRED)),
        (client(listener(auth="optional"), signed_in=False), None),
        (client(listener(auth="optional"), signed_in=False, device=None), UNKNOWN),
        (client(LAN, encrypted=False, signed_in=False), None),
        (client(LAN, encrypted=False, signed_in=False, device=None), UNKNOWN),
        (client(listener(profile="legacy"), encrypted=False), None),
    ],
)
def test_only_a_known_client_in_the_right_way_may_send(
    who: Client, expected: Refusal | None
) -> None:
    assert expected == check_client(who)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (client(listener(), signed_in=False), None),
        (client(listener(), signed_in=False, encrypted=False), replies.ENCRYPTION_REQUIRED),
        (client(listener(profile="legacy"), signed_in=False, encrypted=False), None),
        (client(listener()), replies.NOT_NOW),
        (client(LAN, signed_in=False), replies.NOT_OFFERED),
    ],
)
def test_who_may_sign_in(who: Client, expected: Reply | None) -> None:
    assert expected == check_sign_in(who)


@pytest.mark.parametrize(
    ("fields", "reverse_path", "expected"),
    [
        ({}, "anybody@else.org", None),
        ({}, "", None),
        ({"allow_from": ["*@b.org"]}, "a@B.ORG", None),
        (
            {"allow_from": ["*@b.org"]},
            "a@sub.b.org",
            ("devices[].allow_from", replies.SENDER_REFUSED),
        ),
        ({"allow_from": ["*@b.org"]}, "SCAN@contoso.com", None),
        ({"allow_from": ["a@b.org"]}, "c@b.org", ("devices[].allow_from", replies.SENDER_REFUSED)),
        ({"from_policy": "reject"}, "scan@contoso.com", None),
        ({"from_policy": "reject"}, "a@b.org", ("devices[].from_policy", replies.SENDER_REFUSED)),
        ({"from_policy": "reject"}, "", None),
        ({"from_policy": "keep"}, "a@b.org", None),
    ],
)
def test_a_device_sends_from_whom_it_may(
    fields: dict[str, Any], reverse_path: str, expected: Refusal | None
) -> None:
    assert expected == check_reverse_path(device(**fields), reverse_path, 0, LIMITS)


def test_an_announced_size_above_the_limit_is_refused() -> None:
    assert check_reverse_path(device(), "a@b.org", 100, LIMITS) is None
    assert TOO_LARGE == check_reverse_path(device(), "a@b.org", 101, LIMITS)


@pytest.mark.parametrize(
    ("path", "taken", "fits", "expected"),
    [
        ("ann@contoso.com", 0, True, None),
        ("ann@example.org", 0, True, ("devices[].recipients", replies.RECIPIENT_REFUSED)),
        ("ann@contoso.com", 2, True, ("limits.recipients", replies.TOO_MANY_RECIPIENTS)),
        ("ann@contoso.com", 0, False, ("ticket", replies.TOO_MANY_RECIPIENTS)),
    ],
)
def test_a_device_sends_to_whom_it_may_and_not_to_too_many(
    path: str, taken: int, fits: bool, expected: Refusal | None
) -> None:
    allowed = device(recipients=["*@contoso.com"])

    assert expected == check_forward_path(allowed, path, taken, fits, LIMITS)


def test_bare_line_ends_are_refused_on_strict_listeners_only() -> None:
    refusal = Refusal("listeners[].profile", replies.BARE_LINE_END)

    assert refusal == check_content(1, True, listener(), LIMITS)
    assert check_content(1, True, LAN, LIMITS) is None


def test_content_above_the_limit_is_refused() -> None:
    assert TOO_LARGE == check_content(101, False, LAN, LIMITS)
    assert check_content(100, False, LAN, LIMITS) is None


@pytest.mark.parametrize(
    ("address", "minutes", "expected"),
    [
        ("10.0.0.1", 1, True),
        ("fd00::1", 1, True),
        ("192.0.2.1", 1, False),
        ("10.0.0.1", 0, False),
        ("10.0.0.1", -1, False),
    ],
)
def test_it_learns_from_its_networks_until_the_time(
    address: str, minutes: int, expected: bool
) -> None:
    now = datetime.now(UTC)
    learning = LearningSettings.model_validate(
        {"networks": ["10.0.0.0/8", "fd00::/8"], "until": now + timedelta(minutes=minutes)}
    )

    assert expected == is_learning(learning, ip_address(address), now)
    assert not is_learning(LearningSettings(), ip_address(address), now)


def test_the_most_specific_network_wins() -> None:
    wide = device(name="wide", networks=["10.0.0.0/8", "fd00::/8"])
    narrow = device(name="narrow", networks=["10.0.8.0/24"])

    assert device_at((wide, narrow), ip_address("10.0.8.1")) == narrow
    assert device_at((narrow, wide), ip_address("10.0.9.1")) == wide
    assert device_at((narrow, wide), ip_address("fd00::1")) == wide
    assert device_at((narrow, wide), ip_address("192.0.2.1")) is None


@pytest.mark.parametrize("login", ["scanner", "SCANNER", " scanner@anything.example "])
def test_a_login_finds_its_device(login: str) -> None:
    assert device_named((device(),), login) == device()


def test_an_unknown_login_finds_nothing() -> None:
    assert device_named((device(),), "scanne") is None
    assert device_named((device(),), "") is None
