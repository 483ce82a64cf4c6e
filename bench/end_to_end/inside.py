"""A relay that calls Graph inside DATA: `python -m bench.end_to_end.inside GRAPH IDENTITY HEADER`.

What most small relays are: aiosmtpd, and `requests` in its handler. Says its port.
"""

import asyncio
import sys
from base64 import b64encode
from typing import Any

import requests
from aiosmtpd.smtp import SMTP

_SECONDS = 30


class Inside:
    def __init__(self, graph: str, identity: str, header: str) -> None:
        self._graph, self._session = graph, requests.Session()
        query = {"resource": "https://graph.microsoft.com", "api-version": "2019-08-01"}
        answer = self._session.get(
            identity, params=query, headers={"X-IDENTITY-HEADER": header}, timeout=_SECONDS
        )
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self._session.headers["Content-Type"] = "text/plain"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        address = f"{self._graph}/v1.0/users/{envelope.mail_from}/sendMail"
        answer = self._session.post(address, data=b64encode(envelope.content), timeout=_SECONDS)
        return "250 Ok" if answer.status_code == 202 else "451 Not sent"


async def serve(handler: Inside) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="localhost", loop=loop), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Inside(*sys.argv[1:4])))
