"""What an answer of Microsoft Graph means."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function_app.outcome import Deferred, Rejected
from function_app.providers.graph.verdicts import classify
from function_app.providers.retry_after import parse_retry_after

NOW = datetime(2026, 11, 21, 5, 0, 0, tzinfo=UTC)

PERMANENT = [
    (403, "ErrorSendAsDenied"),
    (404, "ErrorInvalidUser"),
    (400, "ErrorInvalidUser"),
    (404, "MailboxNotHostedInExchangeOnline"),
    (404, "MailboxNotSupportedForRESTAPI"),
    (404, "Request_ResourceNotFound"),
    (404, "ResourceNotFound"),
    (400, "ErrorInvalidRecipients"),
    (400, "ErrorInvalidSmtpAddress"),
    (400, "ErrorMissingRecipients"),
    (400, "ErrorMimeContentInvalidBase64String"),
    (400, "ErrorMimeContentInvalid"),
    (400, "ErrorMessageSizeExceeded"),
    (400, "ErrorAttachmentSizeLimitExceeded"),
    (400, "ErrorDataSizeLimitExceeded"),
    (400, "ErrorRequestStreamTooBig"),
    (500, "ErrorVirusDetected"),
]

TRANSIENT = [
    (401, "InvalidAuthenticationToken"),
    (403, "ErrorAccessDenied"),
    (403, "Authorization_RequestDenied"),
    (403, "ErrorAccountDisabled"),
    (404, "MailboxNotEnabledForRESTAPI"),
    (404, "ErrorItemNotFound"),
    (400, "ErrorQuotaExceeded"),
    (400, "UnableToDeserializePostBody"),
    (400, "BadRequest"),
    (409, "ErrorIrresolvableConflict"),
    (429, "ApplicationThrottled"),
    (429, "TooManyRequests"),
    (429, "activityLimitReached"),
    (429, "UnknownError"),
    (503, "ErrorServerBusy"),
    (404, ""),
    (400, "SomethingNewOfNextYear"),
    (418, ""),
    (302, ""),
]

IN_DOUBT = [
    (500, "ErrorInternalServerError"),
    (500, "ErrorMimeContentConversionFailed"),
    (502, ""),
    (503, ""),
    (503, "UnknownError"),
    (504, ""),
    (408, "ErrorTimeoutExpired"),
    (200, ""),
]


@pytest.mark.parametrize(("status", "code"), PERMANENT)
def test_what_is_known_to_be_permanent_is_rejected(status: int, code: str) -> None:
    outcome = classify(status, code, "words", None)

    assert isinstance(outcome, Rejected)
    assert code == outcome.code


@pytest.mark.parametrize(("status", "code"), TRANSIENT)
def test_everything_else_is_deferred(status: int, code: str) -> None:
    outcome = classify(status, code, "words", None)

    assert isinstance(outcome, Deferred)
    assert not outcome.unsure


@pytest.mark.parametrize(("status", "code"), IN_DOUBT)
def test_an_answer_that_hides_the_mails_fate_is_in_doubt(status: int, code: str) -> None:
    outcome = classify(status, code, "", None)

    assert isinstance(outcome, Deferred)
    assert outcome.unsure


NEEDS_SOMEBODY = [
    (401, "InvalidAuthenticationToken"),
    (403, "ErrorAccessDenied"),
    (403, "Authorization_RequestDenied"),
    (403, "ErrorAccountDisabled"),
    (403, "SomethingNewOfNextYear"),
    (404, "MailboxNotEnabledForRESTAPI"),
    (400, "ErrorQuotaExceeded"),
]
PASSES = [
    (429, "ApplicationThrottled"),
    (500, "ErrorSubmissionQuotaExceeded"),
    (503, ""),
    (404, ""),
    (400, "BadRequest"),
]


@pytest.mark.parametrize(
    ("answer", "needs_somebody"),
    [(answer, True) for answer in NEEDS_SOMEBODY] + [(answer, False) for answer in PASSES],
)
def test_what_an_administrator_must_mend_is_told_apart(
    answer: tuple[int, str], needs_somebody: bool
) -> None:
    outcome = classify(*answer, "words", None)

    assert isinstance(outcome, Deferred)
    assert needs_somebody == outcome.is_configuration


@pytest.mark.parametrize(
    ("status", "message"), [(413, ""), (400, "The maximum request length supported is 4MB.")]
)
def test_a_body_above_the_cap_is_too_large_under_any_code(status: int, message: str) -> None:
    outcome = classify(status, "BadRequest", message, None)

    assert isinstance(outcome, Rejected)
    assert "too-large" == outcome.code


def test_the_reason_quotes_the_provider_in_one_short_line() -> None:
    outcome = classify(404, "ErrorInvalidUser", "The user\r\n'x@y' " + "z" * 1000, None)

    assert outcome.reason.startswith("The sending mailbox does not exist")
    assert "The user 'x@y' zzz" in outcome.reason
    assert "\n" not in outcome.reason
    assert len(outcome.reason) < 600


def test_an_answer_without_code_is_named_by_its_status() -> None:
    assert "http-502" == classify(502, "", "", None).code


def test_the_pause_that_was_asked_for_is_kept() -> None:
    outcome = classify(429, "ApplicationThrottled", "", timedelta(seconds=7))

    assert isinstance(outcome, Deferred)
    assert timedelta(seconds=7) == outcome.after


RETRY_AFTER = {
    None: None,
    "7": 7,
    " 7 ": 7,
    "0": 0,
    "Sat, 21 Nov 2026 05:00:30 GMT": 30,
    "Sat, 21 Nov 2026 06:00:30 +0100": 30,
    "Sat, 21 Nov 2026 05:00:30 -0000": 30,
    "Fri, 20 Nov 2026 05:00:30 GMT": 0,
    "1000000000": 3600,
    "9" * 5000: 3600,
    "Sat, 21 Nov 2099 05:00:30 GMT": 3600,
    "-5": None,
    "1.5": None,
    "soon": None,
    "": None,
}


@pytest.mark.parametrize(("value", "seconds"), RETRY_AFTER.items())
def test_retry_after_is_seconds_or_a_date_and_at_most_an_hour(
    value: str | None, seconds: int | None
) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert expected == parse_retry_after(value, NOW)


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \d+:\d+:\d+ [-+\w]+"))
def test_no_retry_after_field_raises(value: str) -> None:
    pause = parse_retry_after(value, NOW)

    assert pause is None or timedelta(0) <= pause <= timedelta(hours=1)
