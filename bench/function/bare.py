"""Send mails with nothing but requests: `python -m bench.function.bare GRAPH IDENTITY HEADER
THREADS MAILS`. Says `ready`, begins on SIGUSR1, says `done`."""

import signal
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import requests
from requests.adapters import HTTPAdapter

from bench.function.stage import mailbox, mime

_SECONDS = 30


def main(graph: str, identity: str, header: str, threads: int, mails: int) -> None:
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))
    query = {"resource": "https://graph.microsoft.com", "api-version": "2019-08-01"}
    headers = {"X-IDENTITY-HEADER": header}
    answer = session.get(identity, params=query, headers=headers, timeout=_SECONDS)
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    session.headers["Content-Type"] = "text/plain"

    def send(number: int) -> None:
        address = f"{graph}/v1.0/users/{mailbox(number)}/sendMail"
        session.post(address, data=b64encode(mime(number)), timeout=_SECONDS).raise_for_status()

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    say("ready")
    signal.sigwait({signal.SIGUSR1})
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(send, range(mails)))
    say("done")


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
