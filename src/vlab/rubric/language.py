"""Tells a text in a language that is not judged here by the small words that only that language has."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from vlab.rubric.text import Sentence

_JUDGED = {
    "English": "the of and is to in with that was for on it be this as are by from at which would should not",
    "German": "der die das und ist nicht mit von ein eine den dem zu auf im bei wird werden sind auch als wenn",
    "Spanish": "el la los las y es que en con una por para del se un al como mas pero cuando",
}
_OTHERS = {
    "French": "le les des est et dans une pour qui sur avec du au sont cette pas mais nous ete aux ce donc requetes",
    "Italian": "il gli della di che nel con sono perche delle dei alla questo anche piu quando essere non le richieste",
    "Portuguese": "o os as uma com nao para dos das mais como ao pelo pela sao isso quando esta foi em requisicoes",
    "Dutch": "het een van de niet met voor zijn wordt maar ook naar bij dat worden deze te aan is en verzoeken",
    "Polish": "nie jest sie w na z do ze jak to przez dla oraz po od ale przy",
}
_SCRIPTS = {
    "CYRILLIC": "Russian",
    "CJK": "Chinese",
    "HIRAGANA": "Japanese",
    "HANGUL": "Korean",
    "ARABIC": "Arabic",
    "HEBREW": "Hebrew",
    "GREEK": "Greek",
    "DEVANAGARI": "Hindi",
}


def foreign(sentences: Sequence[Sentence]) -> str:
    """The language of a text, if it is none of those that are judged; empty if it is, or if nothing tells."""
    folded = " ".join(s.folded for s in sentences if not s.code)
    letters = [c for c in folded[:4000] if c.isalpha()]
    scripts = Counter(unicodedata.name(c, " ").split()[0] for c in letters if ord(c) > 0x24F)
    if letters and scripts and sum(scripts.values()) > 0.3 * len(letters):
        return _SCRIPTS.get(scripts.most_common(1)[0][0], "another language")
    words = Counter(re.findall(r"[a-z]+", folded))

    def score(small: str) -> int:
        return sum(words[w] for w in small.split())

    judged = max(score(w) for w in _JUDGED.values())
    name, other = max(((n, score(w)) for n, w in _OTHERS.items()), key=lambda x: x[1])
    return name if other >= 6 and other > 1.5 * judged else ""
