"""`python -m local.azurite`: run Azurite, provisioned, until told to stop.

One line on standard output, its connection string, says that it is ready.
"""

import argparse
import signal
import sys
import threading
from pathlib import Path

from local.azurite.process import Azurite, AzuriteFailed


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local.azurite",
        description="Run Azurite with the relay's queues, containers and tables.",
    )
    parser.add_argument("--directory", type=Path, required=True, help="where its data are kept")
    for service, port in (("blob", 10000), ("queue", 10001), ("table", 10002)):
        parser.add_argument(
            f"--{service}-port",
            type=int,
            default=port,
            help="0: any free one (default %(default)s)",
        )
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ports = (arguments.blob_port, arguments.queue_port, arguments.table_port)
    try:
        with Azurite(arguments.directory, ports) as azurite:
            print(azurite.provision(), flush=True)
            while not stop.wait(0.2):
                if azurite.exit_code is not None:
                    raise AzuriteFailed(f"Azurite ended by itself with {azurite.exit_code}")
    except AzuriteFailed as error:
        print(f"azurite: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"azurite: {error.filename or arguments.directory}: {error.strerror}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
