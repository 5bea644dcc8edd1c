"""Secrets, known by their names, kept out of whatever the runtime itself writes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# As the SageMaker SDK masks them, and one more that means the same.
SECRET_WORDS = ("SECRET", "PASSWORD", "PASSWD", "KEY", "TOKEN", "PRIVATE", "CREDS", "CREDENTIAL")
SHORTEST = 4  # characters; masking every "1" in a text would only blur it
# Not worth hiding, and everywhere: TOKENIZERS_PARALLELISM=false is no secret.
COMMON = frozenset(("true", "false", "none", "null", "auto", "default", "enabled", "disabled"))
MASK = "****"
URL_LOGIN = r"(?<=://)[^/\s@]+(?=@)"


def is_secret(name: str) -> bool:
    upper = name.upper()
    return any(word in upper for word in SECRET_WORDS)


class Secrets:
    """The values that must not be shown: those of hyperparameters and variables so named.

    Members of objects count by their own names, and everything inside a secret is one. Give
    hyperparameters decoded: the SDK's quotes are not part of a secret.
    """

    def __init__(self, *sources: Mapping[str, Any]) -> None:
        found: set[str] = set()
        for values in sources:
            collect(values, False, found)
        # The longest first: one secret may be the beginning of another.
        self._values = sorted(found, key=len, reverse=True)

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


def collect(value: Any, secret: bool, found: set[str]) -> None:
    """Gather the texts below `value` that are secret, as they are and as JSON writes them."""
    if isinstance(value, dict):
        for name, member in value.items():
            collect(member, secret or is_secret(str(name)), found)
    elif isinstance(value, list):
        for member in value:
            collect(member, secret, found)
    elif secret and not isinstance(value, bool) and value is not None:
        text = str(value)
        if len(text) >= SHORTEST and text.lower() not in COMMON:
            import json

            found |= {text, json.dumps(text)[1:-1]}
