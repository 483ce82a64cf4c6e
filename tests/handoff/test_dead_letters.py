"""Dead letters keep the mail, the reason and the history."""

from handoff.dead_letters import DeadLetter, DeadLetters
from handoff.ledger import Attempt, State
from handoff.storage import Storage
from handoff.ticket import encode
from tests.builders import MAIL, NOW, a_ticket

LETTER = DeadLetter(
    id=a_ticket().id,
    code="ErrorInvalidUser",
    reason="The mailbox does not exist.",
    kept_at=NOW,
    ticket=encode(a_ticket()),
    history=(Attempt(NOW, State.DEFERRED, "503", "busy"), Attempt(NOW, State.DEAD, "404", "no")),
)


def test_a_dead_letter_is_found_with_its_octets(storage: Storage) -> None:
    letters = DeadLetters(storage.dead_letters)
    letters.keep(LETTER, [MAIL[:9], MAIL[9:]])
    letters.keep(LETTER, [MAIL])

    assert letters.find(LETTER.id) == LETTER
    assert letters.octets_of(LETTER.id) == MAIL


def test_a_mail_without_its_content_is_kept_all_the_same(storage: Storage) -> None:
    letters = DeadLetters(storage.dead_letters)
    letters.keep(LETTER, None)

    assert letters.find(LETTER.id) == LETTER
    assert letters.octets_of(LETTER.id) is None


def test_an_unknown_dead_letter_is_not_found(storage: Storage) -> None:
    assert DeadLetters(storage.dead_letters).find(LETTER.id) is None
