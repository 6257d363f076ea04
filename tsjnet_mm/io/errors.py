"""The error for pairs that cannot be used."""

from __future__ import annotations

from pathlib import Path


class PairError(ValueError):
    """A pair, or its annotations, cannot be used.

    The message names the file, what was expected and what was found.

    Args:
        message (str): The whole message.
        reason (str): The kind of error in a few words; datasets that skip count by it.
        found (str, optional): What was found, without the file's name.
    """

    def __init__(
        self, message: str, reason: str = 'unusable pair', found: str | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.found = reason, found

    @classmethod
    def of(cls, reason: str, path: str | Path, expected: str, found: str) -> PairError:
        """Put the message together.

        Args:
            reason (str): The kind of error.
            path (str | Path): The file.
            expected (str): What should have been there.
            found (str): What was there instead.

        Returns:
            PairError: Ready to be raised.
        """
        return cls(f'{path}: {reason}: expected {expected}, found {found}', reason, found)
