"""Units as people write them behind a number, each with what it measures and its factor to the unit of figures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """What a unit measures, and what a number in it is multiplied by to be in seconds, MiB, a fraction ..."""

    dimension: str
    """time, memory, fraction, rate; empty: none."""
    factor: float


NONE = Unit("", 1.0)

_SECONDS = {
    0.001: "ms msec msecs millisecond milliseconds millisekunde millisekunden milisegundo milisegundos millis",
    1.0: "s sec secs second seconds sek sekunde sekunden segundo segundos seg segs",
    60.0: "min mins minute minutes minuten minuto minutos",
}
_MEBIBYTES = {
    1 / 1024: "ki kib kb",
    1.0: "mi mib mb m meg megs megabyte megabytes mebibyte mebibytes megas",
    1024.0: "gi gib gb g gig gigs gigabyte gigabytes gibibyte gibibytes gigas",
}
_FRACTIONS = {0.01: "% percent pct per-cent prozent porciento"}
_RATES = {1.0: "tok/s tokens/s toks/s tps t/s tokens/sec tok/sec token/s tokens/second tokens/sek tokens/segundo"}

UNITS = {
    word: Unit(dimension, factor)
    for dimension, table in (
        ("time", _SECONDS),
        ("memory", _MEBIBYTES),
        ("fraction", _FRACTIONS),
        ("rate", _RATES),
    )
    for factor, words in table.items()
    for word in words.split()
}
"""By the word, in lower case."""


def mebibytes(quantity: str) -> float:
    """A Kubernetes quantity of memory ("1Gi", "128M", 1048576) in MiB; 0 if it is none."""
    text = str(quantity).strip()
    digits = text.rstrip("BIKMGTbikmgt")
    unit = text[len(digits) :].lower()
    try:
        return float(digits) * (UNITS[unit].factor if unit else 1 / (1 << 20))
    except (KeyError, ValueError):
        return 0.0
