"""Texts as every database can keep them."""

from collections.abc import Sequence


def storable(texts: Sequence[str]) -> Sequence[str]:
    """Texts as every database can keep them: NUL, and halves of characters, are replaced by U+FFFD."""
    joined = "".join(texts)
    try:
        if "\0" not in joined and (joined.isascii() or joined.encode()):
            return texts
    except UnicodeEncodeError:
        pass
    return [
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts
    ]
