"""What the console brings along from elsewhere is what it was."""

import hashlib

from console.web.looks import STATIC


def test_htmx_is_the_published_one() -> None:
    octets = (STATIC / "htmx.min.js").read_bytes()

    assert hashlib.sha256(octets).hexdigest() == (
        "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
    )
