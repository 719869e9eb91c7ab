"""A site's own values, laid over the profile's: what its cluster needs of every deployment."""

from pathlib import Path
from typing import Any

import yaml

from vlab.errors import LabError


def values_of(file: Path) -> dict[str, Any]:
    """What a lab keeps of a site's own values; nothing if `vlab up` was given none.

    Raises:
        LabError: as `read_values`.
    """
    return read_values(file) if file.is_file() else {}


def read_values(file: Path) -> dict[str, Any]:
    """A file of values; manifests/profiles/ shows what there is.

    Raises:
        LabError: it cannot be read or is no mapping.
    """
    try:
        found = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as e:
        raise LabError(f"{file} cannot be read as YAML: {str(e).splitlines()[0]}", "see manifests/profiles/") from None
    if not isinstance(found or {}, dict):
        raise LabError(f"{file} is no mapping of values", "it looks like `server: {tolerations: [...]}`")
    return found or {}
