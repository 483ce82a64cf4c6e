"""The settings of the function app, read once a process.

They are app settings in Azure and `Values` of local.settings.json elsewhere. All faults are
found before the first is told, each with the name of the setting and what to do about it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from function_app.doubt import WhenUnsure
from function_app.duration import read_duration
from function_app.identities import Identity, fallbacks, read_identities
from function_app.loopback import is_loopback
from function_app.notices.settings import NoticeSettings, read_notices
from function_app.pacing.limits import CONCURRENCY, MAILS_A_MINUTE, Limits
from function_app.retention.times import KeepTimes, read_keep_times
from handoff.account import MAIL_STORAGE, Account, NoAccount
from handoff.clouds import CLOUDS, Cloud
from handoff.route_settings import read_routes
from handoff.routing import Routes
from handoff.sealed import BadKey, OpeningKeys

GIVE_UP_AFTER = timedelta(hours=48)
LONGEST_GIVE_UP_AFTER = timedelta(days=7)
"""Beyond it the host would count more attempts than maxDequeueCount allows."""


class SettingsError(Exception):
    """The settings do not make sense; `faults` says why, one sentence a setting."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


GMAIL_API = "https://gmail.googleapis.com"


@dataclass(frozen=True)
class Settings:
    account: Account = field(repr=False)
    give_up_after: timedelta
    when_unsure: WhenUnsure
    mailbox_limits: Limits
    """The share of this instance."""
    resource: str
    """What a token is asked for: the Graph of the cloud, wherever the endpoint is."""
    outlook: str
    exchange: str
    graph_endpoint: str
    gmail_endpoint: str
    authority: str
    is_authority_own: bool
    """ENTRA_AUTHORITY is set: Microsoft's instance discovery knows nothing of it."""
    identities: Mapping[str, Identity] = field(repr=False)
    routes: Routes
    opening_keys: OpeningKeys = field(repr=False)
    """For what edges have sealed."""
    notices: NoticeSettings
    keep_times: KeepTimes

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read app settings. Raises SettingsError."""
        faults: list[str] = []
        set_ = only_set(env)
        cloud = _cloud(set_, faults)
        identities = read_identities(set_, faults)
        settings = cls(
            account=_account(set_, faults),
            give_up_after=_give_up_after(set_, faults),
            when_unsure=_when_unsure(set_, faults),
            mailbox_limits=_mailbox_limits(set_, faults),
            resource=cloud.graph,
            outlook=cloud.outlook,
            exchange=cloud.exchange,
            graph_endpoint=_endpoint(set_, "GRAPH_ENDPOINT", cloud.graph, faults),
            gmail_endpoint=_endpoint(set_, "GMAIL_ENDPOINT", GMAIL_API, faults),
            authority=_endpoint(set_, "ENTRA_AUTHORITY", cloud.authority, faults),
            is_authority_own="ENTRA_AUTHORITY" in set_,
            identities=identities,
            routes=Routes(read_routes(set_, identities, faults), fallbacks(identities, faults)),
            opening_keys=_opening_keys(set_, faults),
            notices=read_notices(set_, faults),
            keep_times=read_keep_times(set_, faults),
        )
        if faults:
            raise SettingsError(faults)
        return settings


def only_set(env: Mapping[str, str]) -> dict[str, str]:
    """`env` without what is empty: such a setting is one that is not set."""
    return {name: value.strip() for name, value in env.items() if value.strip()}


def _account(env: Mapping[str, str], faults: list[str]) -> Account:
    try:
        return Account.from_app_settings(env, MAIL_STORAGE)
    except NoAccount as fault:
        faults.append(f"{MAIL_STORAGE}: {fault}.")
        return Account()


def _cloud(env: Mapping[str, str], faults: list[str]) -> Cloud:
    name = env.get("RELAY_CLOUD", "public")
    if name.lower() not in CLOUDS:
        faults.append(f'RELAY_CLOUD: "{name}" is none of {", ".join(CLOUDS)}.')
    return CLOUDS.get(name.lower(), CLOUDS["public"])


def _opening_keys(env: Mapping[str, str], faults: list[str]) -> OpeningKeys:
    texts = []
    for name in ("RELAY_SEALING_KEY", "RELAY_SEALING_KEY_PREVIOUS"):
        if name not in env:
            continue
        try:
            OpeningKeys.read([env[name]])
            texts.append(env[name])
        except BadKey as fault:
            faults.append(f"{name}: {fault}.")
    return OpeningKeys.read(texts)


def _give_up_after(env: Mapping[str, str], faults: list[str]) -> timedelta:
    text = env.get("RELAY_GIVE_UP_AFTER")
    if text is None:
        return GIVE_UP_AFTER
    duration = read_duration(text)
    if duration is None:
        faults.append(f'RELAY_GIVE_UP_AFTER: "{text}" is no duration; write 48h, 90m, 2d or P2D.')
    elif not timedelta(0) < duration <= LONGEST_GIVE_UP_AFTER:
        faults.append("RELAY_GIVE_UP_AFTER: choose more than nothing and at most 7d.")
    return duration or GIVE_UP_AFTER


def _when_unsure(env: Mapping[str, str], faults: list[str]) -> WhenUnsure:
    match env.get("RELAY_WHEN_UNSURE", "resend").lower():
        case "resend":
            return "resend"
        case "hold":
            return "hold"
        case other:
            faults.append(f'RELAY_WHEN_UNSURE: "{other}" is neither resend nor hold.')
            return "hold"


def _mailbox_limits(env: Mapping[str, str], faults: list[str]) -> Limits:
    return Limits.shared(
        concurrency=_number(env, "RELAY_MAILBOX_CONCURRENCY", CONCURRENCY, 1, 100, faults),
        mails_a_minute=_number(env, "RELAY_MAILBOX_RATE", MAILS_A_MINUTE, 0, 100_000, faults),
        instances=_number(env, "RELAY_INSTANCES", 1, 1, 1000, faults),
    )


def _number(
    env: Mapping[str, str], name: str, usual: int, least: int, most: int, faults: list[str]
) -> int:
    text = env.get(name, str(usual))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        faults.append(f'{name}: "{text}" is no whole number from {least} to {most}.')
        return usual
    return int(text)


def _endpoint(env: Mapping[str, str], name: str, usual: str, faults: list[str]) -> str:
    text = env.get(name, usual)
    for fault in _faults_of_endpoint(text):
        faults.append(f"{name}: the address {fault}")
    return text.rstrip("/")


def _faults_of_endpoint(text: str) -> Iterator[str]:
    try:
        url = urlsplit(text)
        is_address = bool(url.hostname) and url.port != 0
    except ValueError:
        is_address = False
    if not is_address or url.scheme not in ("http", "https"):
        yield "is no web address; write https://host."
    elif url.scheme == "http" and not is_loopback(url):
        yield "would send credentials in clear; http:// is for loopback addresses only."
    elif url.path.strip("/") or url.query or url.fragment or url.username is not None:
        yield "must end after the host and port."
