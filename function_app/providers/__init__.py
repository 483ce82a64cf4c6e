"""Who takes the mail from the relay. The only rooms that speak to a provider over the network."""

from typing import Protocol

from function_app.compose import Letter
from function_app.outcome import Outcome


class Provider(Protocol):
    """One way to send, by one identity. Safe to share between threads."""

    def send(self, letter: Letter) -> Outcome:
        """Try once. Whatever goes wrong on the way is an outcome, not an exception."""
        ...
