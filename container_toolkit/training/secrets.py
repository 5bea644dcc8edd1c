"""Secrets, known by their names, kept out of whatever the runtime itself writes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# As the SageMaker SDK masks them, and one more that means the same.
SECRET_WORDS = ("SECRET", "PASSWORD", "PASSWD", "KEY", "TOKEN", "PRIVATE", "CREDS", "CREDENTIAL")
SHORTEST = 4  # characters; masking every "1" in a text would only blur it
MASK = "****"
URL_LOGIN = r"(?<=://)[^/\s@]+(?=@)"


def is_secret(name: str) -> bool:
    upper = name.upper()
    return any(word in upper for word in SECRET_WORDS)


class Secrets:
    """The values that must not be shown: those of hyperparameters and variables so named."""

    def __init__(self, *sources: Mapping[str, Any]) -> None:
        found = {
            str(value)
            for values in sources
            for name, value in values.items()
            if is_secret(name) and not isinstance(value, (bool, dict, list, type(None)))
        }
        # The longest first: one secret may be the beginning of another.
        self._values = sorted((v for v in found if len(v) >= SHORTEST), key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` without these values, and without the logins of URLs."""
        for value in self._values:
            text = text.replace(value, MASK)
        if "://" not in text or "@" not in text:
            return text
        import re

        return re.sub(URL_LOGIN, MASK, text)

    def mask_words(self, words: tuple[str, ...]) -> list[str]:
        """An argv with the word after a flag like `--api-key` masked, however short it is."""
        shown = [self.mask(word) for word in words]
        for place in range(len(words) - 1):
            if words[place].startswith("-") and is_secret(words[place]):
                shown[place + 1] = MASK
        return shown
