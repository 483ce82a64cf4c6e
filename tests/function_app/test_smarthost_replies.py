"""What each reply of a smarthost means, step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.outcome import TOO_MANY, Deferred, Rejected
from function_app.providers.smarthost.replies import (
    Reply,
    on_content,
    on_greeting,
    on_recipient,
    on_sender,
    on_sign_in,
)

STEPS = {
    "greeting": on_greeting,
    "sign-in": on_sign_in,
    "sender": on_sender,
    "recipient": on_recipient,
    "content": on_content,
}
WAITS, ADMIN, NEVER = "waits", "waits for an administrator", "never"
MEANINGS = [
    ("greeting", 421, "4.3.2 Busy", WAITS, "smtp-421-4.3.2"),
    ("greeting", 554, "5.7.1 Not you", ADMIN, "smtp-554-5.7.1"),
    ("greeting", 530, "5.7.0 Sign in", ADMIN, "smtp-530-5.7.0"),
    ("sign-in", 454, "4.7.0 Later", WAITS, "smtp-454-4.7.0"),
    ("sign-in", 535, "5.7.8 Wrong", ADMIN, "smtp-535-5.7.8"),
    ("sign-in", 334, "", WAITS, "smtp-334"),
    ("sender", 451, "4.3.0 Later", WAITS, "smtp-451-4.3.0"),
    ("sender", 553, "5.1.8 No such domain", NEVER, "smtp-553-5.1.8"),
    ("sender", 550, "5.7.60 Not as this", NEVER, "smtp-550-5.7.60"),
    ("sender", 550, "No", ADMIN, "smtp-550"),
    ("sender", 530, "Sign in", ADMIN, "smtp-530"),
    ("sender", 552, "5.3.4 Too large", NEVER, "too-large"),
    ("sender", 552, "Too large", NEVER, "too-large"),
    ("recipient", 450, "4.2.1 Later", WAITS, "smtp-450-4.2.1"),
    ("recipient", 550, "5.1.1 Unknown", NEVER, "smtp-550-5.1.1"),
    ("recipient", 550, "Unknown", NEVER, "smtp-550"),
    ("recipient", 554, "5.7.1 Relay access denied", ADMIN, "smtp-554-5.7.1"),
    ("recipient", 530, "Sign in", ADMIN, "smtp-530"),
    ("recipient", 452, "4.5.3 Too many", WAITS, TOO_MANY),
    ("recipient", 452, "Too many", WAITS, TOO_MANY),
    ("recipient", 452, "4.3.1 No room", WAITS, "smtp-452-4.3.1"),
    ("recipient", 550, "5.5.3 Too many", WAITS, TOO_MANY),
    ("recipient", 552, "Too many", WAITS, TOO_MANY),
    ("recipient", 552, "5.2.2 Full", NEVER, "smtp-552-5.2.2"),
    ("recipient", 552, "5.2.3 Too large for it", NEVER, "too-large"),
    ("recipient", 503, "5.5.1 What?", WAITS, "smtp-503-5.5.1"),
    ("recipient", 354, "What?", WAITS, "smtp-354"),
    ("content", 451, "Later", WAITS, "smtp-451"),
    ("content", 554, "5.6.0 Spam", NEVER, "smtp-554-5.6.0"),
    ("content", 554, "Spam", NEVER, "smtp-554"),
    ("content", 552, "Too large", NEVER, "too-large"),
    ("content", 550, "5.2.252 SendAsDenied", NEVER, "smtp-550-5.2.252"),
    ("content", 550, "5.7.57 Sign in", ADMIN, "smtp-550-5.7.57"),
    ("content", 550, "5.7.64 Relay access denied", ADMIN, "smtp-550-5.7.64"),
    ("content", 500, "What?", WAITS, "smtp-500"),
    ("content", 550, "4.7.1 Of two minds", NEVER, "smtp-550"),
    ("content", 250, "What?", WAITS, "smtp-250"),
]


@pytest.mark.parametrize(("step", "code", "text", "meaning", "name"), MEANINGS)
def test_each_reply_has_its_meaning(
    step: str, code: int, text: str, meaning: str, name: str
) -> None:
    outcome = STEPS[step](Reply(code, text))

    is_for_admin = isinstance(outcome, Deferred) and outcome.is_configuration
    kind = NEVER if isinstance(outcome, Rejected) else ADMIN if is_for_admin else WAITS
    assert (meaning, name) == (kind, outcome.code)
    assert f"{code} {text}".strip() in outcome.reason


def test_a_sender_that_may_not_send_as_this_address_is_told_what_to_do() -> None:
    for text in ("5.7.60 SMTP; Client does not have permissions", "5.2.252 SendAsDenied"):
        assert "Send As" in on_content(Reply(550, text)).reason


def test_a_server_that_wants_a_sign_in_first_is_told_so_at_once() -> None:
    assert "wants the relay to sign in" in on_greeting(Reply(530, "5.7.0 Sign in")).reason


def test_a_chatty_server_is_cut_short() -> None:
    assert len(on_content(Reply(554, "x" * 5000)).reason) < 500


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@given(code=st.integers(200, 599), text=st.text(max_size=50))
def test_any_reply_has_a_verdict(step: object, code: int, text: str) -> None:
    assert callable(step)
    outcome = step(Reply(code, text))

    assert isinstance(outcome, Deferred | Rejected)
    assert not (isinstance(outcome, Rejected) and code < 500)
