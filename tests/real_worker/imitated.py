"""`python -m tests.real_worker.imitated DIRECTORY`: run functions as the local host does.

Takes and gives the same as genuine.py, so that the two can be compared.
"""

import json
import sys
from pathlib import Path
from typing import Any

from local.functions_host.functions import (
    Function,
    NoFunctionApp,
    Worker,
    load_functions,
    queue_message,
    timer_request,
)


def run(directory: Path, calls: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        functions = {function.name: function for function in load_functions(directory)}
    except NoFunctionApp as error:
        return {"functions": {}, "faults": [str(error)]}
    worker = Worker(threads=4)
    faults = [fault_of(worker, functions[call["function"]], call) for call in calls]
    worker.stop()
    triggers = {name: trigger_of(function) for name, function in functions.items()}
    return {"functions": triggers, "faults": faults}


def fault_of(worker: Worker, function: Function, call: dict[str, Any]) -> str | None:
    if call["metadata"]:
        argument = queue_message(call["body"], call["metadata"])
    else:
        argument = timer_request(is_past_due=False)
    fault = worker.start(function, argument).exception()
    return None if fault is None else f"{type(fault).__name__}: {fault}"


def trigger_of(function: Function) -> list[str]:
    keys = ("queue_name", "connection", "schedule")
    return [function.trigger, *(function.options[key] for key in keys if key in function.options)]


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), json.load(sys.stdin))))
