"""`python -m local.up` (`make run`): the whole relay on this machine, and one mail through it."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from local.azurite import AzuriteFailed
from local.child import ChildFailed
from local.first_mail import MailFailed, send_first_mail
from local.relay import DEVICE, ROOT, Relay, running

_SUBMISSION_PORT = 1587
_MONITOR_PORT = 8080
console = Console(highlight=False)


def main() -> int:
    arguments = _arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running(ROOT / ".local", arguments.port, arguments.monitor_port, _step) as relay:
            send_first_mail(relay, console)
            if not arguments.once:
                _tell_how_to_use(relay)
                _stay(relay, stop)
            console.print("\nStopping ...")
    except (AzuriteFailed, ChildFailed, MailFailed) as error:
        console.print(f"make run: {error}", style="red", markup=False)
        return 1
    console.print("Stopped.")
    return 0


@contextmanager
def _step(name: str) -> Iterator[None]:
    with console.status(f"Starting {name} ..."):
        yield
    console.print(f"[green]up[/green]  {name}")


def _tell_how_to_use(relay: Relay) -> None:
    console.print(
        f"""
The relay stays up. A mail program can send through it:

  server    127.0.0.1, port {relay.submission_port}, STARTTLS
  user      {DEVICE}
  password  {relay.password}
  trust     {relay.certificate}

  console   {relay.console}   (what was received: {relay.console}/inbox)
  health    http://127.0.0.1:{relay.monitor_port}/ready and /metrics
  received  {relay.simulator.address}/_control/mails

Ctrl-C stops everything.""",
        soft_wrap=True,
    )


def _stay(relay: Relay, stop: threading.Event) -> None:
    """Tell of each mail that goes through, until told to stop or a part breaks."""
    seen = set(relay.stations.ended())
    while not stop.wait(0.2):
        for mail_id in relay.stations.ended():
            if mail_id not in seen:
                seen.add(mail_id)
                console.print(relay.stations.in_one_line(mail_id), soft_wrap=True)
        for name, child in relay.parts.items():
            if child.exit_code is not None:
                raise ChildFailed(f"{name} ended by itself with {child.exit_code}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make run ARGS=...",
        description="Run the whole relay on this machine and send one mail through it.",
    )
    parser.add_argument("--once", action="store_true", help="end after the mail")
    parser.add_argument(
        "--port",
        type=int,
        default=_SUBMISSION_PORT,
        help="where the edge takes mail (%(default)s; another when taken)",
    )
    parser.add_argument(
        "--monitor-port",
        type=int,
        default=_MONITOR_PORT,
        help="where the edge shows its health (%(default)s; another when taken)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
