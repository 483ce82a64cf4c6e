"""A resolver that fails on demand: `resolver.c`, preloaded into a program."""

from pathlib import Path

from torture.preloaded import compiled, say

SOURCE = Path(__file__).with_name("resolver.c")


class FaultyResolver:
    """For a program that is started with `environment`. Each name is 127.0.0.1."""

    def __init__(self, workshop: Path, library: Path | None = None) -> None:
        """`workshop` keeps the fault, and the library unless there is one. Raises NoCompiler."""
        self._mood = workshop / "resolver.mood"
        self._library = library or compiled(SOURCE, workshop)

    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "RESOLVER_MOOD": str(self._mood)}

    def fail(self, error: int, seconds: float = 0) -> None:
        """From now on each look-up lasts `seconds` and ends with `error`, such as EAI_AGAIN."""
        say(self._mood, f"{seconds * 1000:.0f} {error}")

    def heal(self) -> None:
        """Look-ups that are under way end as they would have."""
        self._mood.unlink(missing_ok=True)
