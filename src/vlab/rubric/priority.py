"""Whose requests a proposal puts first. In vLLM a lower number is served earlier."""

import re
from typing import Literal

from vlab.rubric.vocabulary import words

Order = Literal["chat-first", "batch-first", "priority"]

_OTHER = {"chat": "batch", "batch": "chat"}
_CHAT, _BATCH = (rf"\b(?:{words()[name]})\b" for name in _OTHER)
_FIRST, _LAST = (rf"\b(?:{words()[name]})\b" for name in ("served-first", "served-last"))
_LOWER_NUMBER = re.compile(
    rf"{_CHAT}[^.;\n]{{0,30}}\b(?:lower|smaller|kleiner\w*|menor) (?:\w+ )?(?:value|number|wert|zahl|valor)"
)
_CHAT_FIRST = re.compile(rf"{_CHAT}[^.;\n]{{0,30}}{_FIRST}|{_FIRST}(?:(?!than |als |que )[^.;\n,]){{0,20}}{_CHAT}")
_PRIORITISED = r"(?:priori[tsz]\w*|bevorzug\w*)\s+(?:the |all |das |den |el |a )?"
_BATCH_FIRST = re.compile(
    rf"{_PRIORITISED}{_BATCH}|{_BATCH}[^.;\n,]{{0,30}}{_FIRST}|{_FIRST}[^.;\n,]{{0,20}}{_BATCH}|"
    rf"{_CHAT}[^.;\n,]{{0,25}}{_LAST}"
)
_GIVEN = r"priorit\w*['\"]?\s*(?:value |number |of )?[:= ]+\s*(?:to |of )?['\"]?"
_NUMBER = r"(?<![\w.])(-?\d+)(?!\w|\.\d|\s*%)"


def order(text: str, batch_priority: int = 0) -> Order:
    """Who comes first; `priority` where nobody is named.

    Args:
        text: the folded sentences of the proposal.
        batch_priority: what the batch's requests say for themselves.
    """
    values = {name: value for name in _OTHER if (value := _value(text, name)) is not None}
    if values:
        chat, batch = values.get("chat", 0), values.get("batch", batch_priority)
        if chat != batch:
            return "chat-first" if chat < batch else "batch-first"
    if _LOWER_NUMBER.search(text):
        return "chat-first"
    if _BATCH_FIRST.search(text) and not _CHAT_FIRST.search(text):
        return "batch-first"
    if re.search(rf"scheduling[-_ ]policy|{_CHAT}|{_BATCH}", text):
        return "chat-first"
    return "priority"


def _value(text: str, name: str) -> int | None:
    """The number that is given to one of the two, whichever is written first."""
    own, other = (rf"\b(?:{words()[n]})\b" for n in (name, _OTHER[name]))
    turned = re.search(rf"{_GIVEN}{_NUMBER}['\"]?\s*(?:for|on|to|fur|para)[^.;\n,0-9]{{0,30}}?{own}", text)
    straight = re.search(rf"{own}(?:(?!{other})[^.;\n]){{0,60}}?{_NUMBER}", text)
    found = turned or (straight if re.search(r"priorit|value|number", text) else None)
    return int(found[1]) if found else None
