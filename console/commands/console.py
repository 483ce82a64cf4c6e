"""`relay console`: the web console, on this machine's loopback unless told otherwise."""

import asyncio
import os
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

import typer

from console.place import Beside, me
from console.terminal import Config, at_work, complain
from console.usage import FAILED, WRONG_USAGE
from console.web.server import AddressInUse, build, serve
from console.web.sign_in import Access

PORT = 8025
_PASSWORD_FILE = "RELAY_CONSOLE_PASSWORD_FILE"
_TOKEN_FILE = "RELAY_CONSOLE_METRICS_TOKEN_FILE"
_SHORTEST_TOKEN = 16


def _secret_file(variable: str, use: str) -> Any:
    return typer.Option(help=use, envvar=variable, dir_okay=False)


def console(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 is any free one.", min=0, max=65535)] = PORT,
    password_file: Annotated[
        Path | None,
        _secret_file(_PASSWORD_FILE, "Ask for the password in this file (or its argon2id hash)."),
    ] = None,
    user_header: Annotated[
        str, typer.Option(help="Believe the proxy, which names its user in this field.")
    ] = "",
    trusted_proxy: Annotated[
        list[str] | None, typer.Option(help="The proxy's network. May be repeated.")
    ] = None,
    metrics_token_file: Annotated[
        Path | None,
        _secret_file(_TOKEN_FILE, "Whoever shows the token in this file may read /metrics."),
    ] = None,
    simulator: Annotated[
        str, typer.Option(help="The address of a Graph simulator, whose inbox is shown.")
    ] = "",
    config: Config = None,
) -> None:
    """Open the web console. Ctrl-C closes it."""
    access = _access(password_file, user_header, trusted_proxy or [])
    access = replace(access, metrics_token=_token(metrics_token_file))
    if access.is_open and not _is_loopback(host):
        raise complain(
            f"{host} can be reached from elsewhere: set --password-file, or --user-header with "
            "--trusted-proxy.",
            WRONG_USAGE,
        )
    with at_work(config) as storage:
        app = build(storage, access, Beside(os.environ, config), simulator)
        try:
            asyncio.run(serve(app, host, port, lambda address: typer.echo(address)))
        except AddressInUse as fault:
            raise complain(str(fault), FAILED) from fault


def _access(password_file: Path | None, user_header: str, proxies: list[str]) -> Access:
    if bool(user_header) != bool(proxies):
        raise complain("--user-header and --trusted-proxy need each other.", WRONG_USAGE)
    if user_header and password_file:
        raise complain("Choose --password-file or --user-header.", WRONG_USAGE)
    try:
        networks = [ip_network(proxy) for proxy in proxies]
        password = password_file.read_text("utf-8").strip() if password_file else ""
    except (OSError, ValueError) as fault:
        raise complain(str(fault), WRONG_USAGE) from fault
    if password_file and not password:
        raise complain(f"{password_file} is empty.", WRONG_USAGE)
    return Access(me(), password, user_header, networks)


def _token(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, ValueError) as fault:
        raise complain(str(fault), WRONG_USAGE) from fault
    if len(token) < _SHORTEST_TOKEN:
        # Nobody counts wrong ones, so that none may be guessed.
        raise complain(f"{file}: a token has {_SHORTEST_TOKEN} characters or more.", WRONG_USAGE)
    return token


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
