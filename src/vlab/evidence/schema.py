"""JSON schemas of the evidence's files and of the report: `python -m vlab.evidence.schema FOLDER` writes them."""

import json
import sys
from pathlib import Path
from typing import Any

import pydantic

from vlab.evidence.files import HEADER
from vlab.evidence.models import PARTS, Header
from vlab.model import Report


def schemas() -> dict[str, dict[str, Any]]:
    """A JSON schema by file name: evidence.schema.json, ...; of *.jsonl it is about one line."""
    types: dict[str, Any] = {HEADER: Header, **{part.file: part.type for part in PARTS.values()}, "report.json": Report}
    return {f"{Path(file).stem}.schema.json": _schema(file, of) for file, of in types.items()}


def _schema(file: str, of: Any) -> dict[str, Any]:
    found = pydantic.TypeAdapter(of).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": file}


def write(folder: Path) -> list[Path]:
    """Write every schema into a folder; files that are as they should be are left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=2) + "\n"
        file = folder / name
        if not file.is_file() or file.read_text() != text:
            file.write_text(text)
            changed.append(file)
    return changed


if __name__ == "__main__":
    for path in write(Path(sys.argv[1])):
        sys.stderr.write(f"wrote {path}\n")
