"""Whether what a person said or wrote asks not to be called again.

A message is a keyword alone, as carriers define them, or says it in a phrase; speech says it in a phrase. What is
not clear is not taken for it: a person's mere "no" to an offer is an answer to the offer.
"""

import re
import unicodedata

# Whole messages; `n`, `t` and `td` are what Chinese senders name in their messages.
KEYWORDS = frozenset(
    {
        "stop", "stopall", "stop all", "unsubscribe", "unsub", "cancel", "end", "quit", "optout", "opt out", "opt-out",
        "remove", "remove me", "revoke", "arret", "arreter", "stopp", "abmelden", "abbestellen", "baja", "alto",
        "cancelar", "parar", "sair", "cancella", "cancellami", "basta", "disiscrivimi", "stop sms", "desabonner",
        "desinscrire", "afmelden", "avregistrera", "avsluta", "avmeld", "afmeld", "peru", "wypisz", "odhlasit",
        "odjavi", "leiratkozas", "dezabonare", "otpishi", "отписаться", "стоп", "отпиши",
        "td", "t", "n", "qx", "退订", "退訂", "取消订阅", "取消", "拒收", "拒绝", "谢绝来电", "謝絕來電", "停止", "停",
        "不需要了", "r", "tdj", "tuiding",
    }
)  # fmt: skip
_PHRASES = (
    # Chinese, also as speech recognition writes it.
    r"(?:不要|别|莫|不用|不许|请勿|勿|少|甭)再?(?:给我|跟我|和我|往我)?再?"
    r"(?:打电话|打来|打过来|来电|打给我|联系|骚扰|发短信|发信息|打了|打)",
    r"谢绝来电", r"拒绝(?:来电|推销|骚扰|营销)", r"退订", r"退訂", r"取消订阅", r"免打扰",
    r"(?:删除|删掉|移除|拉黑).{0,6}(?:号码|电话|名单|我)", r"加入.{0,4}(?:黑名单|拒呼)",
    r"(?:以后|今后|再也)(?:都)?(?:不要|别|不想).{0,6}(?:打|联系|来电|电话)",
    # English.
    r"\b(?:stop|quit|cease)\s+(?:calling|phoning|contacting|texting|messaging|ringing|bothering|harassing)\b",
    r"\b(?:do\s*n[o']?t|dont|never)\s+(?:ever\s+)?(?:call|phone|contact|text|message|ring)\b",
    r"\bno\s+more\s+(?:calls|texts|messages)\b", r"\b(?:take|remove|delete)\s+(?:me|my\s+(?:number|name|phone))\b",
    r"\bdo[\s-]not[\s-]call\b", r"\bunsubscribe\b", r"\bopt(?:ing)?[\s-]?out\b",
    r"\blose\s+(?:my|this)\s+number\b",
    # German, French, Spanish, Italian, Portuguese, Dutch, Polish.
    r"\b(?:rufen|ruf)\s+(?:sie\s+)?mich\s+(?:bitte\s+)?(?:nicht|nie)\b", r"\bnicht\s+mehr\s+an(?:rufen|rufe)?\b",
    r"\bkeine\s+(?:weiteren\s+)?(?:anrufe|werbung|werbeanrufe)\b", r"\b(?:loschen|streichen)\s+sie\s+mein",
    r"\bne\s+(?:m['’ ]?\s*)?(?:re)?appele[zr]?\s+(?:plus|pas|jamais)\b",
    r"\bne\s+(?:plus|pas)\s+(?:m['’ ]?\s*)?(?:re)?appeler\b",
    r"\barrete[zr]?\s+de\s+(?:m['’ ]?\s*)?(?:appeler|harceler|contacter)\b",
    r"\bretire[zr]?[\s-]+(?:moi|mon\s+numero)\b",
    r"\bno\s+(?:me|nos)\s+(?:vuelva[ns]?\s+a\s+)?llam(?:e[ns]?|ar|es)\b", r"\bdeje[ns]?\s+de\s+llamar",
    r"\bborre[ns]?\s+mi\s+(?:numero|telefono)\b", r"\bno\s+(?:me\s+)?llam(?:e[ns]?|es)\s+mas\b",
    r"\bnon\s+(?:mi\s+)?(?:chiamate|chiami|chiamatemi|chiamarmi|richiami|richiamate)\b",
    r"\bsmett\w+\s+di\s+chiamar", r"\bcancell(?:ate|i|a)\s+il\s+mio\s+numero\b",
    r"\bnao\s+(?:me\s+)?(?:ligue[m]?|telefone[m]?|liguem)\b", r"\bpare[m]?\s+de\s+(?:me\s+)?ligar\b",
    r"\b(?:bel|bellen)\s+(?:me|mij)\s+(?:niet|nooit)\b", r"\bniet\s+meer\s+bellen\b",
    r"\bnie\s+(?:prosze\s+)?dzwoni",
)  # fmt: skip
_ASKS = re.compile("|".join(_PHRASES))
_AROUND = re.compile(r"^[\W_]+|[\W_]+$")
_POLITE = re.compile(
    r"^(?:please|bitte|por favor|请|麻烦)\s*|\s*(?:please|bitte|por favor|thanks|thank you|谢谢|了|吧|啊)$"
)
LONGEST = 2_000


def asks_to_stop(text: str) -> bool:
    """Whether a message, or the words of a call, asks to be left alone: STOP, unsubscribe, 退订, 不要再打, TD, N, …"""
    plain = _plain(text[:LONGEST])
    bare = _AROUND.sub("", plain)
    if bare in KEYWORDS or _POLITE.sub("", bare) in KEYWORDS:
        return True
    return bool(_ASKS.search(plain))


def _plain(text: str) -> str:
    """Lower case, full-width forms and accents as ASCII has them, blanks as one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(sign for sign in unicodedata.normalize("NFD", folded) if not unicodedata.combining(sign))
    return " ".join(unicodedata.normalize("NFC", bare).split())
