"""A small function app. The text of a message says what becomes of it; `notes` tells what was run.

Copied as function_app.py into a directory of its own.
"""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, cast

import azure.functions as func
from azure.storage.queue import QueueClient

_ACCOUNT = os.environ.get("MailStorage", "")  # noqa: SIM112  its name in Azure
app = func.FunctionApp()


def note(what: str, **facts: Any) -> None:
    with Path("notes").open("a") as file:
        file.write(json.dumps({"what": what, "at": time.monotonic()} | facts) + "\n")


def note_message(message: func.QueueMessage) -> str:
    times = (message.insertion_time, message.expiration_time, message.time_next_visible)
    note(
        text := message.get_body().decode(),
        id=message.id,
        dequeue_count=message.dequeue_count,
        pop_receipt=message.pop_receipt,
        times=[str(moment) for moment in times],
    )
    return text


def put_back(message: func.QueueMessage) -> None:
    """As a function does that wants its message again in a second."""
    with QueueClient.from_connection_string(_ACCOUNT, "outbound") as queue:
        queue.update_message(str(message.id), message.pop_receipt, visibility_timeout=1)


@app.function_name("work")
@app.queue_trigger("message", queue_name="outbound", connection="MailStorage")
def work(message: func.QueueMessage) -> None:
    text = note_message(message)
    verb, _, seconds = text.partition(" ")
    if verb == "fail":
        raise ValueError("as asked")
    if verb == "return":
        return cast(None, "something")
    if verb == "put-back":
        put_back(message)
    if verb in ("sleep", "put-back"):
        time.sleep(float(seconds or 0))
        note(text + " done")


@app.function_name("work_async")
@app.queue_trigger("message", queue_name="second", connection="MailStorage")
async def work_async(message: func.QueueMessage) -> None:
    text = note_message(message)
    await asyncio.sleep(0.01)
    if text == "fail":
        raise ValueError("as asked")
    if text == "return":
        return cast(None, "something")


@app.function_name("tick")
@app.timer_trigger("timer", schedule="* * * * * *")
async def tick(timer: func.TimerRequest) -> None:
    note("tick", past_due=timer.past_due)


@app.function_name("first")
@app.timer_trigger("timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def first(timer: func.TimerRequest) -> None:
    note("first", past_due=timer.past_due)
