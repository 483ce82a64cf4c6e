"""`relay config explain`: what would become of a mail, at the door and after it.

The door's answer comes from `edge.toml`, the way from the app settings of the function app: a
`local.settings.json`, or what `az functionapp config appsettings list` prints. Nothing is sent.
Exit codes: 0 it would be taken, 1 it would be refused, 2 usage, 4 settings that make no sense.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from console.usage import BAD_SETTINGS, FAILED
from edge.explain import Finding, Question, explain
from edge.settings_file import SettingsError, load
from handoff.route_settings import read_routes
from handoff.routing import Routes, Sender


@dataclass(frozen=True)
class Way:
    """Where the function app would send one recipient's mail."""

    identity: str
    route: str
    """"" when the device decides."""
    provider: str
    fallback: str
    is_by_own_right: bool = False
    """The client's own credential sends; no route and no fallback opens another way."""

    def __str__(self) -> str:
        if self.is_by_own_right:
            return f"  sent by: the client's own credential ({self.provider}), never routed"
        why = f"route {self.route}" if self.route else "named by the device"
        fallback = f"; {self.fallback} if that does not send" if self.fallback else ""
        return f"  sent by: identity {self.identity} ({self.provider}), {why}{fallback}"


def explain_mail(
    to: Annotated[list[str], typer.Argument(metavar="RECIPIENT...", help="RCPT, one or more.")],
    peer: Annotated[str, typer.Option(help="The address that it comes from.")],
    config: Annotated[
        Path | None, typer.Option(envvar="EDGE_CONFIG", help="The settings of the edge.")
    ] = None,
    app_settings: Annotated[
        Path | None,
        typer.Option(help="App settings of the function app, as JSON.", show_default=False),
    ] = None,
    sender: Annotated[str, typer.Option("--from", help="MAIL.")] = "",
    login: Annotated[str | None, typer.Option(help="Who signs in, with the password.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what would become of a mail: which door takes it, and who sends it."""
    try:
        address = ip_address(peer)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--peer") from fault
    try:
        settings = load(config, os.environ)
        env = read_app_settings(app_settings)
        routes = _routes(env)
    except SettingsError as fault:
        for line in fault.faults:
            typer.echo(line, err=True)
        raise typer.Exit(BAD_SETTINGS) from fault
    is_taken = True
    for recipient in to:
        question = Question(address, login, sender.strip("<>"), recipient.strip("<>"))
        findings = list(explain(settings, question, datetime.now(UTC)))
        is_taken = is_taken and any(finding.refusal is None for finding in findings)
        for finding in findings:
            way = _way(finding, question, routes, env) if finding.refusal is None else None
            _show(finding, question, way, as_json)
    raise typer.Exit(0 if is_taken else FAILED)


def read_app_settings(path: Path | None) -> Mapping[str, str]:
    """Of either form of JSON. Raises SettingsError."""
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, list):
            return {str(one["name"]): str(one["value"] or "") for one in found}
        return {str(name): str(value) for name, value in found["Values"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as fault:
        raise SettingsError(
            [f"{path}: no app settings; give a local.settings.json, or a list of name and value."]
        ) from fault


def _routes(env: Mapping[str, str]) -> Routes:
    faults: list[str] = []
    set_ = {name: value.strip() for name, value in env.items() if value.strip()}
    names = {name.upper().split("__")[1].lower() for name in set_ if _is_of_identity(name)}
    routes = Routes(read_routes(set_, names | {"default"}, faults))
    if faults:
        raise SettingsError(faults)
    return routes


def _is_of_identity(name: str) -> bool:
    return name.upper().startswith("IDENTITY__") and name.count("__") >= 2


def _way(
    finding: Finding, question: Question, routes: Routes, env: Mapping[str, str]
) -> Way | None:
    device = finding.device
    if device is None:
        return None
    if finding.is_by_own_right:
        return Way("", "", "graph", "", is_by_own_right=True)
    sender = Sender.of(
        device.name, device.send_as, question.reverse_path, device.from_policy, device.identity
    )
    choice = routes.choose(sender, question.forward_path)
    of_identity = f"IDENTITY__{choice.identity.upper()}__"
    upper = {name.upper(): value for name, value in env.items()}
    return Way(
        choice.identity,
        choice.route,
        upper.get(f"{of_identity}PROVIDER") or "graph",
        upper.get(f"{of_identity}FALLBACK", "").lower(),
    )


def _show(finding: Finding, question: Question, way: Way | None, as_json: bool) -> None:
    if not as_json:
        typer.echo(f"{question.forward_path}: {finding}")
        if way is not None:
            typer.echo(str(way))
        return
    record = {
        "recipient": question.forward_path,
        "listener": finding.listener.name,
        "device": finding.device.name if finding.device else None,
        "rule": finding.refusal.rule if finding.refusal else None,
        "identity": way.identity if way else None,
        "route": way.route if way else None,
        "provider": way.provider if way else None,
        "fallback": way.fallback if way else None,
        "own_credential": way.is_by_own_right if way else None,
    }
    typer.echo(json.dumps(record, ensure_ascii=False))
