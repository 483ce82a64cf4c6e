"""`python -m local.functions_host`: run the function app of the current directory.

App settings come from the environment, else from local.settings.json. One line `ready` on
standard output says that it listens. SIGTERM and SIGINT end it when what runs has ended.
Exit codes: 0 stopped as asked, 1 could not start, 3 a function ran too long.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from local.functions_host.functions import Function, NoFunctionApp, Worker, load_functions
from local.functions_host.listeners import QueueListener, TimerListener
from local.functions_host.ncrontab import BadSchedule, next_occurrence, read_schedule
from local.functions_host.queues import NoConnection, TriggerQueue, open_service
from local.functions_host.rules import BadHostJson, HostJson, read_host_json

_LEASE_SECONDS = "RELAY_HOST_LEASE_SECONDS"
_THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"


class BadAppSettings(Exception):
    """local.settings.json, or a setting, cannot be read."""


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m local.functions_host",
        description="Run the function app of the current directory as Azure Functions would.",
    ).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr, force=True)
    logging.getLogger("azure").setLevel(logging.WARNING)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    directory = Path.cwd()
    try:
        _take_over_local_settings(directory / "local.settings.json")
        host = read_host_json(_read(directory / "host.json"), os.cpu_count() or 1)
        functions = load_functions(directory)
        worker = Worker(_number(_THREADS, min(32, (os.cpu_count() or 1) + 4)))
        listeners = [_listener(function, worker, host, os.environ) for function in functions]
    except (
        BadAppSettings,
        BadHostJson,
        BadSchedule,
        NoConnection,
        NoFunctionApp,
        ImportError,
    ) as error:
        print(f"functions_host: {error}", file=sys.stderr)
        return 1
    for listener in listeners:
        listener.start()
    print("ready", flush=True)
    stop.wait()
    for listener in listeners:
        listener.stop()
    for listener in listeners:
        listener.join()
    worker.stop()
    return 0


def _listener(
    function: Function, worker: Worker, host: HostJson, settings: Mapping[str, str]
) -> QueueListener | TimerListener:
    if function.trigger == "timerTrigger":
        schedule = read_schedule(function.options["schedule"])
        next_occurrence(schedule, datetime.now(UTC))  # refuses one that never comes due
        return TimerListener(function, schedule, worker, host)
    service = open_service(settings, function.options["connection"])
    queue = TriggerQueue(service, function.options["queue_name"])
    return QueueListener(function, queue, worker, host, _number(_LEASE_SECONDS, 600))


def _take_over_local_settings(file: Path) -> None:
    if not file.exists():
        return
    try:
        values = json.loads(file.read_text("utf-8")).get("Values", {})
    except (ValueError, AttributeError) as error:
        raise BadAppSettings(f"{file.name}: {error}") from error
    for name, value in values.items():
        os.environ.setdefault(name, str(value))


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise BadHostJson(f"{file.name} in {file.parent}: {error.strerror}") from error


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise BadAppSettings(f"{name}: expected a whole number above 0, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
