"""Whether a secret is anywhere in what was written, in any of the forms that it might have."""

import base64
import urllib.parse


def _forms(secret: str) -> set[bytes]:
    octets = secret.encode()
    forms = {octets, octets.lower(), octets[::-1], octets.hex().encode()}
    forms.add(urllib.parse.quote(secret, safe="").encode())
    # base64 of it, wherever in a longer text it stands
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + octets)
        forms.add(encoded[4 if offset else 0 : -4])
    return forms


def leaks(where: bytes, secrets: dict[str, str]) -> set[str]:
    """The names of those `secrets` that are in `where`."""
    lowered = where.lower()
    return {
        name
        for name, secret in secrets.items()
        for form in _forms(secret)
        if form in where or form.lower() in lowered
    }
