"""The arguments of `python -m edge`."""

import argparse
import os
from pathlib import Path

from edge.explain import Question
from edge.policy import Address, plain_address


def read_arguments() -> argparse.Namespace:
    """What was asked for. Ends the program with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m edge", description="Take mail from devices over SMTP and hand it on."
    )
    default = os.environ.get("EDGE_CONFIG")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(default) if default else None,
        metavar="FILE",
        help="the settings (default: EDGE_CONFIG, else the environment alone)",
    )
    parser.add_argument(
        "--check", action="store_true", help="only say whether the settings hold; exit 0 or 4"
    )
    asking = parser.add_argument_group(
        "to ask what would become of a mail", "prints decision and rule; exit 0 if it is taken, 1"
    )
    asking.add_argument("--explain", action="store_true", help="only answer, open no door")
    asking.add_argument("--peer", type=_address, metavar="ADDRESS", help="where it comes from")
    asking.add_argument("--login", help="who signs in, with the right password (default: nobody)")
    asking.add_argument("--from", dest="reverse_path", default="", metavar="ADDRESS", help="MAIL")
    asking.add_argument("--to", dest="forward_path", metavar="ADDRESS", help="RCPT")
    arguments = parser.parse_args()
    if arguments.explain and (arguments.peer is None or arguments.forward_path is None):
        parser.error("--explain needs --peer and --to")
    return arguments


def _address(text: str) -> Address:
    try:
        return plain_address(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an IPv4 or IPv6 address, such as 10.0.8.21, not {text!r}"
        ) from None


def question_of(arguments: argparse.Namespace) -> Question:
    """What `--explain` asks."""
    return Question(
        peer=arguments.peer,
        login=arguments.login,
        reverse_path=arguments.reverse_path.strip("<>"),
        forward_path=arguments.forward_path.strip("<>"),
    )
