"""How one answered call goes: how long the script takes, which block was heard last, what was asked."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

# A calm voice says 4.5 Chinese characters (three bytes of UTF-8 each) or 2.6 English words (with the
# space about 5.5 bytes each) a second: 14 bytes a second in either language.
BYTES_PER_SECOND = 14.0
PLAIN_SECONDS = 40.0  # what a request without a script takes


class Question(NamedTuple):
    """What a person asks, and words of which a QA entry about it has one."""

    text: str
    words: tuple[str, ...]


QUESTIONS = {
    "zh": (
        Question("你们是哪家公司？", ("哪家", "哪里", "什么公司", "你是谁")),
        Question("这个要钱吗？", ("要钱", "收费", "免费", "费用")),
        Question("怎么知道我的电话的？", ("电话", "号码", "联系方式")),
        Question("你是机器人吗？", ("机器人", "真人", "人工")),
        Question("优惠怎么用？", ("怎么用", "使用", "优惠")),
        Question("有效期到什么时候？", ("有效", "过期", "到期")),
        Question("加了会不会一直发广告？", ("广告", "打扰", "骚扰")),
        Question("买了能退吗？", ("退",)),
        Question("怎么加？", ("怎么加", "添加", "二维码", "扫码")),
        Question("会不会泄露我的信息？", ("信息", "隐私", "安全")),
    ),
    "en": (
        Question("Which company is this?", ("company", "who are you", "who is this", "calling")),
        Question("Does it cost anything?", ("cost", "free", "charge", "price")),
        Question("How did you get my number?", ("number", "contact details")),
        Question("Are you a robot?", ("robot", "human", "real person")),
        Question("How do I use the offer?", ("use", "redeem", "apply")),
        Question("How long is it valid?", ("valid", "expire", "how long")),
        Question("Will I get a lot of ads?", ("ads", "spam", "advert", "messages")),
        Question("Can I return what I buy?", ("return", "refund")),
        Question("How do I add you?", ("add", "scan", "qr")),
        Question("Is my data safe?", ("data", "privacy", "safe")),
    ),
}


class Spoken(NamedTuple):
    """A script in time: when each block ends, in seconds from the answer, and its language."""

    blocks: Sequence[str]
    ends: Sequence[float]
    language: str

    @property
    def seconds(self) -> float:
        """How long the whole script takes."""
        return self.ends[-1] if self.ends else PLAIN_SECONDS

    def block_at(self, seconds: float) -> str:
        """The block that is heard at this second, the last one from its end on; "" without a script."""
        for block, end in zip(self.blocks, self.ends, strict=True):
            if seconds < end:
                return block
        return self.blocks[-1] if self.blocks else ""


def speak(script: Iterable[tuple[str, str]]) -> Spoken:
    """The script's blocks, (name, text) each, in time."""
    blocks, ends, size, letters = [], [], 0, 0
    for name, text in script:
        size += len(text.encode("utf-8", "surrogatepass"))
        letters += len(text)
        blocks.append(name)
        ends.append(size / BYTES_PER_SECOND)
    return Spoken(blocks, ends, "zh" if size > 1.3 * letters else "en")


def asked(language: str, how_many: float, which: float) -> tuple[str, ...]:
    """What a person asks, from two uniforms: nothing (65%), one question (27%) or two (8%)."""
    if how_many < 0.65:
        return ()
    questions = QUESTIONS[language]
    first = int(which * len(questions))
    if how_many < 0.92:
        return (questions[first].text,)
    return (questions[first].text, questions[(first + 3) % len(questions)].text)


@lru_cache(maxsize=512)
def unknown_to(bank: tuple[str, ...]) -> frozenset[str]:
    """The questions that a QA bank with these entries cannot answer: no entry has one of their words."""
    entries = [entry.casefold() for entry in bank]
    return frozenset(
        question.text
        for questions in QUESTIONS.values()
        for question in questions
        if not any(word in entry for word in (question.text.casefold(), *question.words) for entry in entries)
    )
