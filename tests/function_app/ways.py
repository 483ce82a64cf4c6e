"""Every way out, with something real at its end, for tests that ask the same of all of them."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from function_app.identities import Identity
from function_app.providers import Provider
from function_app.providers.gmail.delegation import TO_LOOK, TO_SEND
from function_app.providers.http import session
from function_app.providers.of_identity import Surroundings, provider_of
from function_app.settings import Settings
from function_app.ways.gmail import Gmail
from function_app.ways.smarthost import Smarthost
from handoff.storage import Storage
from local.graph_simulator.client import SimulatorClient
from tests.fixtures.gmail import GmailClient
from tests.function_app.smtp_script import DROP, scripted

REMOTE = ("graph", "gmail", "smarthost")
NAMES = (*REMOTE, "capture")
SECRETS = ("PRIVATE KEY", "s3cret")


@dataclass
class Way:
    """A provider, and what its other end has got."""

    provider: Provider
    arrived: Callable[[], list[tuple[list[str], bytes]]]
    """Each mail: who gets it, and its octets as they were handed over."""


@dataclass
class RemoteWay(Way):
    """One whose other end may be busy, away, or not of our opinion."""

    answer_busy: Callable[[], None]
    lose_answer: Callable[[], None]
    """Take the next mail, and never say so."""
    away: Provider
    """The same provider when nobody is there."""
    refuse_identity: Callable[[], None]


@contextmanager
def way(name: str, storage: Storage, graph: SimulatorClient, gmail: GmailClient) -> Iterator[Way]:
    settings = Settings.from_env(
        {
            "MailStorage": "UseDevelopmentStorage=true",
            "GRAPH_ENDPOINT": graph.address,
            "GMAIL_ENDPOINT": gmail.address,
        }
    )
    with session(1, 5) as http:
        around = Surroundings(settings, storage, http, lambda: datetime.now(UTC))
        make = {"graph": _graph, "gmail": _gmail, "capture": _capture}.get(name)
        if make is not None:
            yield make(around, graph, gmail)
            return
        with _smarthost(around) as found:
            yield found


def _graph(around: Surroundings, graph: SimulatorClient, gmail: GmailClient) -> RemoteWay:
    identity = Identity("default")
    nowhere = replace(around.settings, graph_endpoint=_nowhere())
    busy = {"error": {"code": "ErrorServerBusy", "message": "Later."}}
    return RemoteWay(
        provider=provider_of(identity, around),
        arrived=lambda: [([*mail.recipients], mail.mime) for mail in graph.mails()],
        answer_busy=lambda: graph.fail({"route": "sendMail", "status": 503, "body": busy}),
        lose_answer=lambda: graph.fail({"route": "sendMail", "take": True, "reset": True}),
        away=provider_of(identity, replace(around, settings=nowhere)),
        refuse_identity=lambda: graph.rule(permissions=[]),
    )


def _gmail(around: Surroundings, graph: SimulatorClient, gmail: GmailClient) -> RemoteWay:
    identity = Identity("g", "gmail", gmail=Gmail(json.loads(gmail.service_account)))
    nowhere = replace(around.settings, gmail_endpoint=_nowhere())
    gmail.rule(delegated=[TO_SEND, TO_LOOK])
    return RemoteWay(
        provider=provider_of(identity, around),
        arrived=lambda: [
            (mail["recipients"], mail["mime"].encode("latin-1")) for mail in gmail.mails()
        ],
        answer_busy=lambda: gmail.fail({"route": "send", "status": 429}),
        lose_answer=lambda: gmail.fail({"route": "send", "take": True, "reset": True}),
        away=provider_of(identity, replace(around, settings=nowhere)),
        refuse_identity=lambda: gmail.rule(delegated=[]),
    )


def _capture(around: Surroundings, graph: SimulatorClient, gmail: GmailClient) -> Way:
    container = around.storage.captured

    def arrived() -> list[tuple[list[str], bytes]]:
        names = [name for name in container.list_blob_names() if name.endswith(".json")]
        return [
            (
                json.loads(container.download_blob(name).readall())["forward_paths"],
                container.download_blob(name.replace(".json", ".eml")).readall(),
            )
            for name in names
        ]

    return Way(provider_of(Identity("c", "capture"), around), arrived)


@contextmanager
def _smarthost(around: Surroundings) -> Iterator[RemoteWay]:
    script: dict[str, str | list[str]] = {"EHLO": "250-smarthost\r\n250-8BITMIME\r\n250 AUTH PLAIN"}
    with scripted(script) as server:
        smarthost = Smarthost("127.0.0.1", server.port, "none", "relay", "s3cret")
        identity = Identity("s", "smarthost", "password", smarthost=smarthost)
        nowhere = replace(smarthost, port=int(_nowhere().rpartition(":")[2]))
        yield RemoteWay(
            provider=provider_of(identity, around),
            arrived=lambda: [(mail.forward_paths, mail.content) for mail in server.taken],
            answer_busy=lambda: script.update({"end": ["451 4.3.0 Later"]}),
            lose_answer=lambda: script.update({"end": [DROP]}),
            away=provider_of(replace(identity, smarthost=nowhere), around),
            refuse_identity=lambda: script.update({"AUTH": "535 5.7.8 No"}),
        )


def _nowhere() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
