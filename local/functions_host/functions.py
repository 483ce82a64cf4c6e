"""Load the function app as the Python worker does, and call its functions as the worker calls them.

The worker wants a file function_app.py beside host.json, imports the module `function_app` (a
package wins over the file), and looks for exactly one FunctionRegister in it.
"""

import asyncio
import importlib
import inspect
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.functions import meta

SCRIPT = "function_app.py"


class NoFunctionApp(Exception):
    """The worker would find no functions here."""


@dataclass(frozen=True)
class Function:
    """One function and what starts it."""

    name: str
    trigger: str
    """`queueTrigger` or `timerTrigger`."""
    argument: str
    options: dict[str, Any]
    """The trigger's own settings: queue_name and connection, or schedule and run_on_startup."""
    call: Callable[..., Any]


def load_functions(directory: Path) -> list[Function]:
    """Raises NoFunctionApp."""
    if not (directory / SCRIPT).exists():
        raise NoFunctionApp(f"{SCRIPT} is missing in {directory}: the worker finds no functions")
    sys.path.append(str(directory))
    module = importlib.import_module(Path(SCRIPT).stem)
    apps = [
        value
        for name in dir(module)
        if isinstance(value := getattr(module, name), func.FunctionRegister)
    ]
    if len(apps) != 1:
        raise NoFunctionApp(f"function_app must define one FunctionApp, not {len(apps)}")
    return [_function(found) for found in apps[0].get_functions()]


def _function(found: Any) -> Function:
    trigger = found.get_trigger()
    kind = trigger.get_binding_name()
    if kind not in ("queueTrigger", "timerTrigger"):
        raise NoFunctionApp(f"{found.get_function_name()}: {kind} is not imitated here")
    return Function(
        name=found.get_function_name(),
        trigger=kind,
        argument=trigger.name,
        options={name: value for name, value in vars(trigger).items() if name[0] != "_"},
        call=found.get_user_function(),
    )


class Worker:
    """Runs functions: plain ones in a pool of threads, coroutine functions on one event loop."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="worker")
        self._loop = asyncio.new_event_loop()
        self._loop_thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._loop_thread.start()

    def start(self, function: Function, argument: object) -> "Future[None]":
        """Run `function`; the future raises what it raised."""
        if inspect.iscoroutinefunction(function.call):
            return asyncio.run_coroutine_threadsafe(_awaited(function, argument), self._loop)
        return self._threads.submit(_called, function, argument)

    def stop(self) -> None:
        self._threads.shutdown()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._loop_thread.join()
        self._loop.close()


def queue_message(body: str, metadata: dict[str, str]) -> Any:
    """The genuine QueueMessage that the worker would make of it."""
    data = {
        name: meta.Datum(
            value if name in ("Id", "PopReceipt") else json.dumps(_number_or_text(value)),
            "string" if name in ("Id", "PopReceipt") else "json",
        )
        for name, value in metadata.items()
    }
    return _binding("queueTrigger").decode(meta.Datum(body, "string"), trigger_metadata=data)


def timer_request(is_past_due: bool) -> Any:
    """The genuine TimerRequest that the worker would make."""
    text = json.dumps(
        {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": None,
            "IsPastDue": is_past_due,
        }
    )
    return _binding("timerTrigger").decode(meta.Datum(text, "json"), trigger_metadata=None)


def _binding(name: str) -> Any:
    # azure-functions has no types for what it keeps to its worker.
    return meta.get_binding_registry().get(name)  # type: ignore[no-untyped-call]


def _number_or_text(value: str) -> int | str:
    return int(value) if value.isdigit() else value


def _called(function: Function, argument: object) -> None:
    _refuse_return(function, function.call(**{function.argument: argument}))


async def _awaited(function: Function, argument: object) -> None:
    _refuse_return(function, await function.call(**{function.argument: argument}))


def _refuse_return(function: Function, value: object) -> None:
    if value is not None:
        raise RuntimeError(
            f"function {function.name} without a $return binding returned a non-None value"
        )
