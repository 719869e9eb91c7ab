"""Times as kubectl shows them: how long ago, seen from the moment that was recorded."""

from datetime import datetime, timedelta
from typing import Any

from vlab.evidence import Object

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def moment(text: Any) -> datetime | None:
    """A time of Kubernetes; None if there is none."""
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def ago(text: Any, at: datetime) -> str:
    """How long before `at` something was: 45s, 3m20s, 5d."""
    then = moment(text)
    return UNKNOWN if then is None else duration(at - then)


def duration(length: timedelta) -> str:
    """In two units at most, the coarser the longer it is."""
    seconds = max(0, int(length.total_seconds()))
    for below, unit, letter, finer, fine_below, fine_letter in (
        (2 * _MINUTE, 1, "s", 0, 0, ""),
        (3 * _HOUR, _MINUTE, "m", 1, 10 * _MINUTE, "s"),
        (2 * _DAY, _HOUR, "h", _MINUTE, 8 * _HOUR, "m"),
        (2 * _YEAR, _DAY, "d", _HOUR, 8 * _DAY, "h"),
    ):
        if seconds < below:
            return _in(seconds, unit, letter, finer if seconds < fine_below else 0, fine_letter)
    return _in(seconds, _YEAR, "y", _DAY if seconds < 8 * _YEAR else 0, "d")


def _in(seconds: int, unit: int, letter: str, finer: int, fine_letter: str) -> str:
    whole, rest = divmod(seconds, unit)
    fine = rest // finer if finer else 0
    return f"{whole}{letter}{fine}{fine_letter}" if fine else f"{whole}{letter}"


def last_seen(event: Object) -> Any:
    """When an event was last seen, as one of the fields has it in which that may stand."""
    series = event.get("series") or {}
    return series.get("lastObservedTime") or event.get("lastTimestamp") or first_seen(event)


def first_seen(event: Object) -> Any:
    """When an event was first seen."""
    return event.get("firstTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")


def moved(found: Any, names: frozenset[str], by: timedelta) -> Any:
    """A copy in which the times in fields of these names are later by so much."""
    if isinstance(found, dict):
        return {k: _later(v, by) if k in names else moved(v, names, by) for k, v in found.items()}
    return [moved(v, names, by) for v in found] if isinstance(found, list) else found


def _later(text: Any, by: timedelta) -> Any:
    then = moment(text)
    if then is None:
        return text
    micro = "." in text  # Kubernetes has times of two kinds, and reads each from its own form only
    return (then + by).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
