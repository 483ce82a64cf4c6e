"""`python genuine.py DIRECTORY`: run functions in the genuine worker library of Azure Functions.

For Python 3.13, with `azure-functions-runtime`. The worker gets the messages that the host sends
it over gRPC, here as plain objects of the same fields. Calls are read from standard input, what
came of them is the last line of standard output; both are JSON, as tests/real_worker/calls.py
describes them.
"""

import asyncio
import json
import sys
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as worker

_TEXTS = frozenset({"Id", "PopReceipt"})


class Message:
    """Any protobuf message: it has the fields that it was made with."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def WhichOneof(self, _: str) -> str | None:
        return next((name for name in vars(self) if name != "name"), None)

    def HasField(self, name: str) -> bool:
        return name in vars(self)


class Messages:
    """The protobuf module: a class of messages for every name."""

    def __getattr__(self, name: str) -> type[Message]:
        made: Any = type(name, (Message,), {})
        if name == "StatusResult":
            made.Success, made.Failure = 1, 0
        if name == "BindingInfo":
            made.Direction = SimpleNamespace(**{"in": 0, "out": 1, "inout": 2})
            made.DataType = SimpleNamespace(undefined=0, string=1, binary=2, stream=3)
            for kind in (made.Direction, made.DataType):
                for key, value in vars(kind).items():
                    setattr(made, key, value)
        setattr(self, name, made)
        return made  # type: ignore[no-any-return]


MESSAGES = Messages()


def request(**parts: Any) -> SimpleNamespace:
    properties = {"host": "127.0.0.1", "protos": MESSAGES}
    return SimpleNamespace(request=SimpleNamespace(**parts), properties=properties)


def invocation(call: dict[str, Any], function_id: str) -> SimpleNamespace:
    kind = "string" if call["metadata"] else "json"
    data = Message(name=call["argument"], data=Message(**{kind: call["body"]}))
    return request(
        invocation_request=SimpleNamespace(
            invocation_id="1",
            function_id=function_id,
            input_data=[data],
            trigger_metadata={name: field(name, text) for name, text in call["metadata"].items()},
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
    )


def field(name: str, text: str) -> Message:
    """One piece of trigger metadata: texts as they are, numbers and times as JSON."""
    if name in _TEXTS:
        return Message(string=text)
    return Message(json=text if text.isdigit() else json.dumps(text))


async def run(directory: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
    sys.path.append(directory)
    start = SimpleNamespace(capabilities={}, function_app_directory=directory)
    started = (await worker.worker_init_request(request(worker_init_request=start))).result
    if not started.status:
        return {"functions": {}, "faults": [started.exception.message]}
    listed = await worker.functions_metadata_request(request())
    functions = listed.function_metadata_results or []
    worker.start_threadpool_executor()
    faults = []
    for call in calls:
        (found,) = (function for function in functions if function.name == call["function"])
        answer = await worker.invocation_request(invocation(call, found.function_id))
        faults.append(None if answer.result.status else answer.result.exception.message)
    worker.stop_threadpool_executor()
    triggers = {function.name: trigger_of(function.raw_bindings) for function in functions}
    return {"functions": triggers, "faults": faults}


def trigger_of(bindings: list[str]) -> list[str]:
    (trigger,) = (json.loads(binding) for binding in bindings)
    keys = ("type", "queueName", "connection", "schedule")
    return [trigger[key] for key in keys if key in trigger]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], json.load(sys.stdin)))))
