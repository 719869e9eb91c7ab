"""JSON schemas of the evidence's files and of the report: `python -m vlab.evidence.schema FOLDER` writes them."""

import json
import sys
from pathlib import Path
from typing import Any

import pydantic
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from vlab import docstrings
from vlab.evidence.files import HEADER
from vlab.evidence.models import PARTS, Header
from vlab.model import Report

EVIDENCE: dict[str, Any] = {HEADER: Header, **{part.file: part.type for part in PARTS.values()}}
"""Every file of evidence that is data, and the type of what it holds, or of one line of it."""


def schemas() -> dict[str, dict[str, Any]]:
    """A JSON schema by file name: evidence.schema.json, ...; of *.jsonl it is about one line."""
    types = {**EVIDENCE, "report.json": Report}
    return {name_of(file): schema(file, of) for file, of in types.items()}


def name_of(file: str) -> str:
    """What a file's schema is called."""
    return f"{Path(file).stem}.schema.json"


def schema(file: str, of: Any, mode: JsonSchemaMode = "serialization") -> dict[str, Any]:
    """The JSON schema of a file with a value of this type, or with one a line.

    Args:
        mode: validation for what people write, serialization for what vlab writes.
    """
    found = pydantic.TypeAdapter(of).json_schema(mode=mode, schema_generator=_Described)
    return {"$schema": GenerateJsonSchema.schema_dialect, **found, "title": file}


class _Described(GenerateJsonSchema):
    """Says of each field and of each word of an enum what its docstring says."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        words = docstrings.of_attributes(schema["cls"])
        for name, field in schema["cls"].model_fields.items():
            if name in words:
                found["properties"][field.alias or name]["description"] = words[name]
        return found

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        words = docstrings.of_attributes(schema["cls"])
        known = [{"const": m.value, "description": words.get(m.name, "")} for m in schema["members"]]
        return {"type": super().enum_schema(schema)["type"], "oneOf": known}

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


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
