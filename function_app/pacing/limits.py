"""How fast one mailbox may send. Pure.

Microsoft Graph serves four requests at a time for each application and mailbox, and Exchange
Online sends 30 mails a minute for a mailbox; more are refused or only held back there
(https://learn.microsoft.com/graph/throttling-limits,
https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits).
"""

from dataclasses import dataclass

CONCURRENCY = 4
MAILS_A_MINUTE = 30
BURST = 4
"""So many mails may follow each other at once after a rest."""


@dataclass(frozen=True)
class Limits:
    """The share of one instance."""

    most_in_flight: int
    interval: float
    """Seconds from one mail to the next, in the long run; 0: as they come."""
    burst: int = BURST
    instances: int = 1

    @classmethod
    def shared(cls, concurrency: int, mails_a_minute: int, instances: int) -> "Limits":
        """What is left for each of so many instances; 0 mails a minute is no limit."""
        return cls(
            most_in_flight=max(1, concurrency // instances),
            interval=60 * instances / mails_a_minute if mails_a_minute else 0.0,
            instances=instances,
        )


GMAIL_CONCURRENCY = 4
GMAIL_MAILS_A_MINUTE = 150
"""15,000 units a minute for a user, of which one mail costs 100:
https://developers.google.com/workspace/gmail/api/reference/quota."""
OF_OTHERS = Limits(most_in_flight=8, interval=0)
"""At a time for one sender; how many mails a smarthost wants to take it says itself."""
