"""Who asks for a token, and how often, when many mails want one at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import Any

import pytest
import requests

from function_app.providers.token_faults import TokenUnavailable
from function_app.providers.tokens import Tokens


class Entra:
    """Numbers its tokens; fails as long as `fault` is set."""

    def __init__(self) -> None:
        self.clients = 0
        self.asked: list[str | None] = []
        self.fault: Exception | None = None
        self._lock = Lock()

    def open_client(self) -> Callable[[str | None], dict[str, Any]]:
        self.clients += 1
        cache: list[str] = []

        def ask(claims: str | None) -> dict[str, Any]:
            if cache and claims is None:
                return {"access_token": cache[-1]}
            time.sleep(0.05)
            with self._lock:
                self.asked.append(claims)
                if self.fault is not None:
                    raise self.fault
                cache.append(f"token-{len(self.asked)}")
            return {"access_token": cache[-1]}

        return ask


@pytest.fixture
def entra() -> Entra:
    return Entra()


def at_once(count: int, act: Callable[[], str]) -> list[str]:
    start = Barrier(count)

    def run(_: int) -> str:
        start.wait()
        return act()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_nothing_is_asked_before_the_first_mail(entra: Entra) -> None:
    Tokens(entra.open_client)

    assert 0 == entra.clients


def test_many_mails_get_one_token(entra: Entra) -> None:
    found = at_once(8, Tokens(entra.open_client).current)

    assert ["token-1"] * 8 == found
    assert [None] == entra.asked


def test_many_mails_with_a_refused_token_get_one_new_one(entra: Entra) -> None:
    tokens = Tokens(entra.open_client)
    refused = tokens.current()

    found = at_once(8, lambda: tokens.renewed(refused, None))

    assert ["token-2"] * 8 == found
    assert 2 == len(entra.asked)


def test_claims_are_asked_for_once_and_then_kept(entra: Entra) -> None:
    tokens = Tokens(entra.open_client)
    refused = tokens.current()

    found = at_once(4, lambda: tokens.renewed(refused, '{"a":1}'))

    assert ["token-2"] * 4 == found
    assert [None, '{"a":1}'] == entra.asked
    assert "token-2" == tokens.current()


def test_many_mails_share_one_fault(entra: Entra) -> None:
    entra.fault = requests.ConnectTimeout("no answer")
    tokens = Tokens(entra.open_client)

    def code() -> str:
        with pytest.raises(TokenUnavailable) as caught:
            tokens.current()
        return caught.value.code

    assert ["token-transport"] * 8 == at_once(8, code)
    assert len(entra.asked) < 8


def test_a_fault_that_is_over_is_forgotten(entra: Entra) -> None:
    entra.fault = requests.ConnectTimeout("no answer")
    tokens = Tokens(entra.open_client)
    with pytest.raises(TokenUnavailable):
        tokens.current()
    entra.fault = None

    assert "token-2" == tokens.current()


def test_an_unknown_tenant_is_read_from_what_msal_hides(entra: Entra) -> None:
    # MSAL raises an exception of its own while it handles the one with Entra's words.
    try:
        try:
            raise ValueError("OIDC Discovery failed. Error: AADSTS90002: Tenant 'x' not found.")
        except ValueError:
            raise ValueError("Unable to get authority configuration.") from None
    except ValueError as fault:
        entra.fault = fault

    with pytest.raises(TokenUnavailable) as caught:
        Tokens(entra.open_client).current()

    assert "AADSTS90002" == caught.value.code
    assert "Check TENANT_ID" in caught.value.reason
