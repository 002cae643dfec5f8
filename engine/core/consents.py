"""What a person agreed to: on what basis, where and when it was said, and where the proof is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

WRITTEN: Final = "written"  # signed, on paper or electronically, for calls of this kind
EXPRESS: Final = "express"  # said or ticked
CONTRACT: Final = "contract"  # a contract that goes on, and calls about it
BASES: Final = (WRITTEN, EXPRESS, CONTRACT)

# What files write, in either language; everything is compared in lower case.
WORDS: Final = {
    WRITTEN: ("written", "signed", "书面", "书面同意"),
    EXPRESS: ("express", "yes", "y", "true", "1", "opt-in", "opt_in", "optin", "是", "同意", "已同意", "明示同意"),
    CONTRACT: ("contract", "customer", "合同", "合约"),
}
NONE: Final = frozenset({"", "no", "n", "false", "0", "none", "否", "无", "未同意", "不同意"})
WITHDRAWN: Final = frozenset({"withdrawn", "revoked", "opt-out", "opt_out", "撤回", "已撤回", "拒绝"})
_BASIS: Final = {word: basis for basis, words in WORDS.items() for word in words}


@dataclass(frozen=True, slots=True)
class Consent:
    """One person's consent. `withdrawn` is one that was taken back: it stands in the way of any older one."""

    basis: str
    at: datetime | None = None
    source: str = ""
    proof: str = ""
    withdrawn: bool = False

    def holds(self, accepts: Collection[str], now: datetime) -> bool:
        """Whether this is a consent on one of these bases, given by `now`; a written one is an express one too."""
        bases = {self.basis, EXPRESS} if self.basis == WRITTEN else {self.basis}
        return not self.withdrawn and not bases.isdisjoint(accepts) and (self.at is None or self.at <= now)


def read_consent(text: str, at: datetime | None, source: str, proof: str) -> Consent | None:
    """A consent from what a file writes; None where it says that there is none.

    Raises ValueError, with the words that are understood, for any other word.
    """
    word = text.strip().casefold()
    if word in NONE:
        return None
    if word in WITHDRAWN:
        return Consent("", at, source, proof, withdrawn=True)
    if word not in _BASIS:
        raise ValueError("the consent is no word that is known: written, express or yes, contract, no, withdrawn")
    return Consent(_BASIS[word], at, source, proof)


def consent_of(
    basis: str | None, at: datetime | None, source: str | None, proof: str | None, withdrawn: bool | None
) -> Consent | None:
    """A consent from what is kept of it; None where nothing is."""
    return None if basis is None else Consent(basis, at, source or "", proof or "", bool(withdrawn))
