"""What this machine can do, and which provider `vlab up` takes on it: facts, rows with cures, the choice."""

from vlab.doctor.choice import Choice, check_wish, choose_provider, refuse, rows
from vlab.doctor.facts import Engine, Facts, read_facts
from vlab.doctor.rows import Row, Status

__all__ = [
    "Choice",
    "Engine",
    "Facts",
    "Row",
    "Status",
    "check_wish",
    "choose_provider",
    "read_facts",
    "refuse",
    "rows",
]
