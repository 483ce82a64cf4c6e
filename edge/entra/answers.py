"""What Microsoft Entra's answer to a client's credential means for the client. Pure.

Wrong is only what is known to be: the same credential, tried again, must fail again. Whatever is
not in the tables may pass, and the client is asked to come back.
https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    RIGHT = "right"
    WRONG = "wrong"
    LOCKED = "locked"
    """Entra does not look at the password for a while; further tries make it longer."""
    LATER = "later"


class Judgement(NamedTuple):
    """What became of one try, and why: `advice` is a sentence for the log."""

    verdict: Verdict
    code: str = ""
    advice: str = ""


RIGHT = Judgement(Verdict.RIGHT)
_AADSTS = re.compile(r"AADSTS(\d{4,8})")
_LOCKED = 50053
_NEEDS_MORE = (
    "A password alone is not enough: the tenant asks for multifactor authentication or has a "
    "policy (security defaults, Conditional Access). Use a device with its own password, or an "
    "application, or exclude this account."
)
_CONSENT = "No administrator has consented to the application's permission Mail.Send."
_WRONG_APPLICATION = {
    7000215: "The client secret is wrong. It is the secret's value, not its id.",
    7000222: "The client secret has expired. Make a new one.",
    700016: "The tenant knows no application with this id.",
    7000112: "The application is disabled.",
    90002: "There is no such tenant in this cloud.",
    65001: _CONSENT,
    53003: "Conditional Access blocks the application.",
    530032: "A security policy of the tenant blocks the application.",
}
_WRONG_USER = {
    50034: "The tenant has no such user.",
    50126: "The password is wrong.",
    50056: "The account has no password in Microsoft Entra.",
    50064: "The password could not be verified.",
    50055: "The password has expired. Set a new one.",
    50144: "The password has expired in Active Directory. Set a new one.",
    50057: "The account is disabled.",
    50105: "The user is not assigned to the application.",
    **dict.fromkeys(
        (50072, 50074, 50076, 50079, 50131, 50158, 53000, 53001, 53003, 530032), _NEEDS_MORE
    ),
}
_OF_RELAY = (
    "The application in [entra.users] is refused. Check its client_id and client_secret, that "
    "public client flows are allowed if it has no secret, and its consent to Mail.Send."
)
_OF_RELAY_NUMBERS = frozenset({7000215, 7000218, 7000222, 700016, 7000112, 90002, 65001})


def judge_application(answer: Mapping[str, Any]) -> Judgement:
    return _judge(answer, _WRONG_APPLICATION)


def judge_user(answer: Mapping[str, Any]) -> Judgement:
    judgement = _judge(answer, _WRONG_USER)
    if judgement.verdict is Verdict.LATER and judgement.code in _names(_OF_RELAY_NUMBERS):
        return judgement._replace(advice=_OF_RELAY)
    return judgement


def no_answer(code: str) -> Judgement:
    return Judgement(Verdict.LATER, code, "Microsoft Entra does not answer. Check the network.")


def _judge(answer: Mapping[str, Any], wrong: Mapping[int, str]) -> Judgement:
    if "access_token" in answer:
        return RIGHT
    said = str(answer.get("error_description") or answer.get("error") or "")
    found = _AADSTS.search(said)
    number = int(found[1]) if found else 0
    code = f"AADSTS{number}" if number else "entra-" + str(answer.get("error") or "unknown")[:40]
    if number == _LOCKED:
        return Judgement(
            Verdict.LOCKED,
            code,
            "Too many wrong passwords: Microsoft Entra has locked the account.",
        )
    if number in wrong:
        return Judgement(Verdict.WRONG, code, wrong[number])
    return Judgement(Verdict.LATER, code, "Microsoft Entra gives no verdict now.")


def _names(numbers: frozenset[int]) -> set[str]:
    return {f"AADSTS{number}" for number in numbers}
