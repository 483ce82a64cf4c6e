"""A worker of the function app without a host: takes what is in the queue, one after the other.

`python -m tests.function_app.one_worker`; after each message, a line with what the kernel says was
the most memory that it took meanwhile.
"""

import os
from pathlib import Path

from function_app import root
from function_app.means import Message
from handoff.account import MAIL_STORAGE, Account
from handoff.storage import Storage

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def main() -> None:
    with Storage(Account.from_app_settings(os.environ, MAIL_STORAGE)) as storage:
        while message := storage.outbound.receive_message(visibility_timeout=600):
            _RESET.write_text("5")  # the peak begins anew: proc_pid_clear_refs(5)
            taken = Message(message.id, str(message.content), str(message.pop_receipt), 1)
            root.on_ticket(taken)
            print(f"peak {peak_kilobytes()}", flush=True)


def peak_kilobytes() -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
