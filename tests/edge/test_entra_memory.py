"""What is remembered of sign-ins with Microsoft Entra, and for how long."""

from edge.entra.memory import Memory, Recollection

DAY = 86_400.0


def test_what_was_right_is_fresh_for_as_long_as_it_is_remembered_at_all() -> None:
    memory = Memory()
    mark = memory.mark("login", "password")
    memory.note_right(mark, b"login", 0.0)

    assert Recollection.FRESH == memory.recall(mark, 299.0, DAY)
    assert Recollection.OLD == memory.recall(mark, 301.0, DAY)
    assert Recollection.FRESH == memory.recall(mark, 59.0, 60.0)
    assert Recollection.NONE == memory.recall(mark, 61.0, 60.0)


def test_what_was_right_later_was_never_wrong() -> None:
    memory = Memory()
    mark = memory.mark("login", "password")
    memory.note_wrong(mark, 0.0)
    memory.note_right(mark, b"login", 10.0)

    assert Recollection.NONE == memory.recall(mark, 100.0, 60.0)


def test_a_login_that_got_in_is_no_longer_locked() -> None:
    memory = Memory()
    memory.note_locked(b"login", 0.0)
    locked = memory.is_locked(b"login", 599.0)
    memory.note_right(memory.mark("login", "password"), b"login", 20.0)

    assert locked
    assert not memory.is_locked(b"login", 21.0)


def test_the_longest_known_is_forgotten_first() -> None:
    memory = Memory()
    marks = [memory.mark(str(number)) for number in range(10_001)]
    for mark in (*marks[:9_999], marks[0], *marks[9_999:]):
        memory.note_wrong(mark, 0.0)

    assert Recollection.NONE == memory.recall(marks[1], 1.0, DAY)
    assert Recollection.WRONG == memory.recall(marks[0], 1.0, DAY)
    assert Recollection.WRONG == memory.recall(marks[10_000], 1.0, DAY)


def test_a_mark_is_of_this_process_and_keeps_words_apart() -> None:
    memory = Memory()

    assert memory.mark("a", "bc") == memory.mark("a", "bc") != memory.mark("ab", "c")
    assert memory.mark("a", "bc") != Memory().mark("a", "bc")
