"""How near an end is."""

from datetime import UTC, datetime, timedelta

import pytest

from handoff.expiry import days_left, signature_expiry, stage_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "stage"),
    [(31, None), (30, 30), (14.1, 30), (14, 14), (7, 7), (1.5, 7), (1, 1), (0, 1), (-100, 1)],
)
def test_each_stage_begins_when_so_many_days_are_left(days: float, stage: int | None) -> None:
    assert stage == stage_of(NOW + timedelta(days=days), NOW)


def test_days_are_whole() -> None:
    assert [1, 0, -1] == [days_left(NOW + timedelta(hours=hours), NOW) for hours in (47, 23, -1)]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("BlobEndpoint=https://a;SharedAccessSignature=sv=1&se=2026-12-01T00:00:00Z&sig=x", 1),
        ("SharedAccessSignature=se=2026-12-01T00%3A00%3A00Z&sig=x;QueueEndpoint=https://a", 1),
        ("SharedAccessSignature=?se=2026-12-01&sig=x", 1),
        ("AccountName=a;AccountKey=dGVzdA==", None),
        ("SharedAccessSignature=sv=1&se=soon&sig=x", None),
        ("", None),
    ],
)
def test_a_signature_tells_its_end(text: str, moment: int | None) -> None:
    assert signature_expiry(text) == (datetime(2026, 12, 1, tzinfo=UTC) if moment else None)
