"""Fixtures of all tests, by the part that they start."""

import signal

# Who runs the tests in the background has them ignore Ctrl-C, and all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.azurite",
    "tests.fixtures.function_app",
    "tests.fixtures.gmail",
    "tests.fixtures.graph",
]
