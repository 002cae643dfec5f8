"""Which arm a contact belongs to.

Contacts stand in the order that a salted hash of their keys gives, and arms are dealt to them in
permuted blocks within their stratum: a fixed function of names, never of time or chance. The
experiment's name is the salt, so that two experiments split one roster independently. What was
dealt once is kept in the roster and is never dealt again. An arm that is out of the race is dealt to
nobody any more: its share goes to the others from the next block on.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random

BLOCK_LIMIT = 200
BLOCK_PRECISION = 1e-6


@dataclass(frozen=True, slots=True)
class Assignment:
    """The lasting fact that a contact drew an arm. `place` is where it stands in its stratum's deal."""

    experiment: str
    contact: str
    arm: str
    stratum: str
    place: int


def order(experiment: str, key: str) -> int:
    """The place of a contact's key in this experiment's order, as a 64-bit number."""
    salt = _salted(experiment).copy()
    salt.update(key.encode())
    return int.from_bytes(salt.digest(), "big")


def standing(experiment: str, key: str) -> int:
    """`order` as databases can keep and sort it: 63 bits, never negative."""
    return order(experiment, key) >> 1


@lru_cache(maxsize=64)
def _salted(experiment: str) -> "hashlib.blake2b":
    """The hash of an experiment's salt, to be copied for every key."""
    return hashlib.blake2b(digest_size=8, key=experiment.encode()[:64])


def block_of(shares: Mapping[str, float]) -> tuple[str, ...]:
    """The smallest block that honors these shares exactly, or the nearest of at most 200 places.

    Arms stand in it as often as their share says, by largest remainder; `shares` sum to 1.
    """
    best: tuple[str, ...] = ()
    least = float("inf")
    for size in range(1, BLOCK_LIMIT + 1):
        block = _apportioned(shares, size)
        error = max(abs(block.count(arm) / size - share) for arm, share in shares.items())
        if error < least - 1e-12:
            best, least = block, error
        if error <= BLOCK_PRECISION:
            break
    return best


def _apportioned(shares: Mapping[str, float], size: int) -> tuple[str, ...]:
    whole = {arm: int(share * size + 1e-9) for arm, share in shares.items()}
    rest = sorted(shares, key=lambda arm: whole[arm] - shares[arm] * size)
    for arm in rest[: size - sum(whole.values())]:
        whole[arm] += 1
    return tuple(arm for arm, times in whole.items() for _ in range(times))


@lru_cache(maxsize=4096)
def permuted(experiment: str, stratum: str, number: int, block: tuple[str, ...]) -> tuple[str, ...]:
    """Block `number` of this stratum: the arms of `block` in an order that only names decide."""
    seed = hashlib.blake2b(f"{experiment}\0{stratum}\0{number}".encode(), digest_size=16).digest()
    chance = Random(int.from_bytes(seed, "big"))  # reproducible on purpose
    arms = list(block)
    for last in range(len(arms) - 1, 0, -1):
        other = int(chance.random() * (last + 1))
        arms[last], arms[other] = arms[other], arms[last]
    return tuple(arms)


def arm_at(experiment: str, stratum: str, place: int, block: tuple[str, ...]) -> str:
    """The arm that stands at `place` (from 0) of this stratum's deal."""
    number, within = divmod(place, len(block))
    return permuted(experiment, stratum, number, block)[within]


def deal(
    experiment: str,
    shares: Mapping[str, float],
    contacts: Iterable[tuple[str, str]],
    dealt: MutableMapping[str, int],
    period: int = 0,
) -> Iterator[Assignment]:
    """Deal arms to contacts that have none yet, given as (key, stratum) pairs, in the experiment's order.

    `dealt` counts who has an arm already per stratum; it is carried on, so that late arrivals
    continue the blocks where the last deal stopped. Whenever `shares` change a new `period` begins, with
    blocks of its own.
    """
    block = block_of(shares)
    hands: dict[str, tuple[str, ...]] = {}  # each stratum's block in hand
    for key, stratum, place in seated(experiment, contacts, dealt):
        number, within = divmod(place, len(block))
        if within == 0 or stratum not in hands:
            hands[stratum] = permuted(experiment, f"{stratum}\0{period}" if period else stratum, number, block)
        yield Assignment(experiment, key, hands[stratum][within], stratum, place)


def seated(
    experiment: str, contacts: Iterable[tuple[str, str]], dealt: MutableMapping[str, int]
) -> Iterator[tuple[str, str, int]]:
    """Contacts in the experiment's order as (key, stratum, place), each stratum's places counted on from `dealt`."""
    salted = _salted(experiment)

    def place_of(pair: tuple[str, str]) -> bytes:
        salt = salted.copy()
        salt.update(pair[0].encode())
        return salt.digest()

    for key, stratum in sorted(contacts, key=place_of):
        place = dealt.get(stratum, 0)
        dealt[stratum] = place + 1
        yield key, stratum, place
