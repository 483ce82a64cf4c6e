"""Stock aiosmtpd that says 250 and keeps nothing: `python -m bench.door.stock [DIRECTORY]`.

With a directory that has certificate.pem and key.pem, it wants STARTTLS and a sign-in, which the
relay's own password check decides.
"""

import asyncio
import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from argon2 import PasswordHasher

SIZE_LIMIT = 60_000_000


class Nothing:
    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 2.0.0 Ok"


@lru_cache
def _verify(password_hash: str, password: bytes) -> bool:
    return PasswordHasher().verify(password_hash, password)


def _authenticator(password_hash: str) -> Any:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        assert isinstance(login, LoginPassword)
        return AuthResult(success=_verify(password_hash, login.password))

    return check


def _options(directory: Path) -> dict[str, Any]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    password_hash = (directory / "password_hash").read_text()
    return {
        "tls_context": context,
        "require_starttls": True,
        "auth_required": True,
        "authenticator": _authenticator(password_hash),
    }


async def serve(options: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()

    def factory() -> SMTP:
        return SMTP(
            Nothing(), hostname="localhost", data_size_limit=SIZE_LIMIT, loop=loop, **options
        )

    server = await loop.create_server(factory, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(_options(Path(sys.argv[1])) if len(sys.argv) > 1 else {}))
