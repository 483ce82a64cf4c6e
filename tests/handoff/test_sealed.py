"""What the edge seals, the function app opens, and nobody else."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.sealed import (
    ApplicationCredential,
    BadKey,
    BadSeal,
    Credential,
    OpeningKeys,
    SealingKey,
    UnknownKey,
    UserCredential,
    new_key_pair,
)
from handoff.ticket import SendAs

PRIVATE, PUBLIC = new_key_pair()
OTHER_PRIVATE, OTHER_PUBLIC = new_key_pair()
APPLICATION = ApplicationCredential("tenant", "client", "s3cret~äß")
USER = UserCredential("tenant", "client", "", "ann@contoso.com", "pa55 wörd")
SEALED = SealingKey.read(PUBLIC).seal(APPLICATION)


@pytest.mark.parametrize("credential", [APPLICATION, USER], ids=["application", "user"])
def test_what_is_sealed_opens_again(credential: Credential) -> None:
    sealed = SealingKey.read(PUBLIC).seal(credential)

    assert credential == OpeningKeys.read([PRIVATE]).open(sealed)
    assert SendAs(mailbox="ann@contoso.com", sealed=sealed).sealed == sealed


def test_during_a_rotation_both_keys_open() -> None:
    keys = OpeningKeys.read([OTHER_PRIVATE, PRIVATE])
    newer = SealingKey.read(OTHER_PUBLIC).seal(USER)

    assert [APPLICATION, USER] == [keys.open(SEALED), keys.open(newer)]


def test_a_key_that_is_not_here_may_come() -> None:
    with pytest.raises(UnknownKey):
        OpeningKeys.read([OTHER_PRIVATE]).open(SEALED)


def test_the_algorithms_are_those_of_the_contract() -> None:
    header = json.loads(urlsafe_b64decode(SEALED.partition(".")[0] + "=="))

    assert ("ECDH-ES+A256KW", "A256GCM") == (header["alg"], header["enc"])
    assert header["kid"] == SealingKey.read(PUBLIC).id


def test_another_algorithm_is_not_obeyed() -> None:
    header = {"alg": "dir", "enc": "A256GCM", "kid": SealingKey.read(PUBLIC).id}
    first = urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")

    with pytest.raises(BadSeal):
        OpeningKeys.read([PRIVATE]).open(f"{first}.{SEALED.partition('.')[2]}")


def test_what_is_sealed_tells_nothing() -> None:
    parts = [urlsafe_b64decode(part + "==") for part in SEALED.split(".")]

    assert not any(b"s3cret" in part or b"tenant" in part for part in parts)


def test_no_key_tells_its_credential_when_shown() -> None:
    assert "s3cret" not in f"{APPLICATION!r}{USER!r}"
    assert "pa55" not in repr(USER)


@given(st.text() | st.builds(lambda text: "a." * 3 + text, st.text()))
def test_anything_else_is_a_bad_seal(text: str) -> None:
    with pytest.raises(BadSeal):
        OpeningKeys.read([PRIVATE]).open(text)


@given(st.integers(0, len(SEALED) - 1), st.sampled_from("AZaz09-_."))
def test_one_changed_character_never_opens(place: int, character: str) -> None:
    changed = SEALED[:place] + character + SEALED[place + 1 :]
    try:
        opened = OpeningKeys.read([PRIVATE]).open(changed)
    except (BadSeal, UnknownKey):
        return

    # The last character of base64 carries bits that nobody reads.
    assert opened == APPLICATION


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"kty":"EC"}', '{"kty":"oct","k":"YQ"}'])
def test_what_is_no_key_is_told_without_quoting_it(text: str) -> None:
    for read in (SealingKey.read, lambda text: OpeningKeys.read([text])):
        with pytest.raises(BadKey, match="this is no key"):
            read(text)


def test_each_side_refuses_the_other_half() -> None:
    with pytest.raises(BadKey, match="private key"):
        SealingKey.read(PRIVATE)
    with pytest.raises(BadKey, match="public key"):
        OpeningKeys.read([PUBLIC])
