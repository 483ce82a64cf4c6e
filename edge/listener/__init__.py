"""The door: SMTP from the socket to the 250. The only home of aiosmtpd."""

from edge.listener.reception import Reception
from edge.listener.server import Doors

__all__ = ["Doors", "Reception"]
