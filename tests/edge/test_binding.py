"""An address that cannot be listened on: one line that names it, why, and what to do."""

import errno
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.binding import why_not
from edge.listener.server import AddressInUse, Doors
from edge.settings import Listener
from tests.edge.door import STRICT, Door, open_door


async def _fault_of(address: str, door: Door) -> str:
    listener = Listener.model_validate(STRICT | {"address": address})
    with pytest.raises(AddressInUse) as error:
        await Doors([replace(door.reception, listener=listener)]).open()
    return str(error.value)


async def test_an_address_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    async with open_door(tmp_path) as door:
        taken = str(door.place)

        assert await _fault_of(taken, door) == (
            f"listener strict: cannot listen on {taken}: Address already in use"
            " (stop what listens there, or choose another port)"
        )
        assert await _fault_of("192.0.2.1:2525", door) == (
            "listener strict: cannot listen on 192.0.2.1:2525: Cannot assign requested address"
            " (this machine has no such address; 0.0.0.0 stands for all it has)"
        )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError(errno.EACCES, "error while attempting to bind on address"),
            "Permission denied (a port below 1024 needs CAP_NET_BIND_SERVICE;"
            " grant it, or choose another port)",
        ),
        (socket.gaierror(socket.EAI_NONAME, "Name unknown"), "Name unknown"),
        (OSError(errno.EAFNOSUPPORT, "x"), "Address family not supported by protocol"),
        (OSError("something else"), "something else"),
    ],
)
def test_other_reasons_are_told(error: Any, expected: str) -> None:
    assert expected == why_not(error)
