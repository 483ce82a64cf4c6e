"""Routes as app settings tell them: `ROUTE__<NAME>__<KEY>`. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from handoff.routing import Route

_PREFIX = "ROUTE__"
_CONDITIONS = ("DEVICE", "SENDER_DOMAIN", "RECIPIENT_DOMAIN")
_KEYS = (*_CONDITIONS, "IDENTITY")
_NAME = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_DOMAIN = re.compile(r"[a-z0-9*?.\-\u0080-\U0010ffff]+")


def read_routes(
    env: Mapping[str, str], identities: Collection[str], faults: list[str]
) -> tuple[Route, ...]:
    """The routes of `env`, in the order of their names; `faults` gets what is wrong."""
    keys_of: dict[str, dict[str, str]] = {}
    for setting, value in env.items():
        if not setting.upper().startswith(_PREFIX):
            continue
        name, _, key = setting[len(_PREFIX) :].upper().rpartition("__")
        fault = _fault_of_name(setting, name, key)
        if fault:
            faults.append(fault)
        else:
            keys_of.setdefault(name, {})[key] = value
    routes = [_route(name, keys) for name, keys in sorted(keys_of.items(), key=_in_order)]
    for route in routes:
        faults.extend(f"{_PREFIX}{route.name}__{fault}" for fault in _faults_of(route, identities))
    return tuple(routes)


def _in_order(named: tuple[str, object]) -> tuple[bool, int, str]:
    """Numbers by their value, before all other names."""
    name = named[0]
    is_number = name.isdecimal()
    return not is_number, int(name) if is_number else 0, name


def _fault_of_name(setting: str, name: str, key: str) -> str:
    if not _NAME.fullmatch(name):
        return f"{setting}: write ROUTE__<NAME>__<KEY>, the name in letters and digits."
    if key not in _KEYS:
        near = get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(_KEYS)}."
        return f"{setting}: {key} is no key of a route; {hint}"
    return ""


def _route(name: str, keys: Mapping[str, str]) -> Route:
    return Route(
        name=name,
        identity=keys.get("IDENTITY", "").lower(),
        devices=_listed(keys.get("DEVICE", "")),
        sender_domains=_listed(keys.get("SENDER_DOMAIN", "")),
        recipient_domains=_listed(keys.get("RECIPIENT_DOMAIN", "")),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip().casefold() for item in text.split(",") if item.strip())


def _faults_of(route: Route, identities: Collection[str]) -> Iterator[str]:
    if not route.identity:
        yield "IDENTITY: set it to the name of the identity that sends."
    elif route.identity not in identities:
        yield f"IDENTITY: there is no identity {route.identity}."
    if not (route.devices or route.sender_domains or route.recipient_domains):
        yield f"IDENTITY: the route fits every mail; set {' or '.join(_CONDITIONS)}."
    for key, domains in (
        ("SENDER_DOMAIN", route.sender_domains),
        ("RECIPIENT_DOMAIN", route.recipient_domains),
    ):
        for domain in domains:
            if not _DOMAIN.fullmatch(domain):
                yield f'{key}: "{domain}" is no domain; write contoso.com or *.contoso.com.'
