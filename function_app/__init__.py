"""The function app: takes tickets from the queue and sends their mails.

The Functions worker imports this package and looks for `app`. Nothing else is imported here
until a function runs: an instance has little time to show which functions it has.
"""

import azure.functions as func

__all__ = ["app"]

app = func.FunctionApp()


@app.function_name("deliver")
@app.queue_trigger("message", queue_name="outbound", connection="MailStorage")
def on_ticket(message: func.QueueMessage) -> None:
    """Deliver the mail of one ticket."""
    from function_app import root
    from function_app.means import Message

    root.on_ticket(
        Message(
            id=message.id or "",
            text=message.get_body().decode(),
            pop_receipt=message.pop_receipt or "",
            dequeue_count=message.dequeue_count or 1,
            inserted_at=message.insertion_time,
        )
    )


@app.function_name("sweep")
@app.timer_trigger("timer", schedule="0 */5 * * * *")
def on_timer(timer: func.TimerRequest) -> None:
    """Make the round."""
    from function_app import root

    root.on_timer()
