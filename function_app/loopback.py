"""Whether a web address is on this machine, where nobody else can listen. Pure."""

from ipaddress import ip_address
from urllib.parse import SplitResult


def is_loopback(url: SplitResult) -> bool:
    try:
        return url.hostname == "localhost" or ip_address(str(url.hostname)).is_loopback
    except ValueError:
        return False
