"""Why an address cannot be listened on, and what to do about it, in words."""

import errno
import os

_ADVICE = {
    errno.EADDRINUSE: "stop what listens there, or choose another port",
    errno.EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0 stands for all it has",
    errno.EACCES: "a port below 1024 needs CAP_NET_BIND_SERVICE; grant it, or choose another port",
}


def why_not(error: OSError) -> str:
    """`error` is what listening ended with; what asyncio says repeats the address."""
    if error.errno is None or error.errno <= 0:  # a name that was not found
        return error.strerror or str(error)
    reason = os.strerror(error.errno)
    advice = _ADVICE.get(error.errno)
    return f"{reason} ({advice})" if advice else reason
