"""The clouds of Microsoft, and where each has what the relay speaks to. Pure.

An edge lets a client sign in where the function app then sends by its right: both go by this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """Where a Microsoft cloud has its Graph and its sign-in."""

    graph: str
    authority: str
    outlook: str = "https://outlook.office365.com"
    """What a token is asked for that signs in at Exchange Online over SMTP."""
    exchange: str = "api://AzureADTokenExchange"
    """The audience of a managed identity's token that an application trusts."""


# https://learn.microsoft.com/graph/deployments
CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud("https://graph.microsoft.com", "https://login.microsoftonline.com"),
    "usgov": Cloud(
        "https://graph.microsoft.us",
        "https://login.microsoftonline.us",
        "https://outlook.office365.us",
        "api://AzureADTokenExchangeUSGov",
    ),
    "usgovdod": Cloud(
        "https://dod-graph.microsoft.us",
        "https://login.microsoftonline.us",
        "https://outlook-dod.office365.us",
        "api://AzureADTokenExchangeUSGov",
    ),
    "china": Cloud(
        "https://microsoftgraph.chinacloudapi.cn",
        "https://login.chinacloudapi.cn",
        "https://partner.outlook.cn",
        "api://AzureADTokenExchangeChina",
    ),
}
