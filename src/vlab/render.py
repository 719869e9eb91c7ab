"""Turns the templates in manifests/ and a set of values into Kubernetes objects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from vlab import paths
from vlab.errors import LabError

Object = dict[str, Any]


def manifest(name: str, **values: Any) -> list[Object]:
    """The objects of manifests/`name`.yaml.j2.

    Raises:
        LabError: the template uses a value that is not given, or what comes out is not YAML.
    """
    return objects(paths.data("manifests") / f"{name}.yaml.j2", values)


def objects(template: Path, values: Mapping[str, Any]) -> list[Object]:
    """The objects of one template file, which may include those of manifests/."""
    environment = jinja2.Environment(  # noqa: S701 - YAML, not HTML
        loader=jinja2.FileSystemLoader([template.parent, paths.data("manifests")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["yaml"] = _flow
    try:
        text = environment.get_template(template.name).render(values)
        return [o for o in yaml.safe_load_all(text) if o]
    except jinja2.TemplateError as e:
        raise LabError(f"{template.name}: {e}", "give the value in the scenario's fault, or mend the template") from e
    except yaml.YAMLError as e:
        raise LabError(f"{template.name} does not render to YAML: {e}", "mend the template") from e


def _flow(value: Any) -> str:
    """A value as YAML on one line, safe wherever a value may stand: `20231234`, `true` and `a, b` stay strings."""
    # As the one item of a list, so that it is quoted as braces around it would need it.
    return str(yaml.dump([value], Dumper=_OneLine, default_flow_style=True, width=10**9))[1:-2]


class _OneLine(yaml.SafeDumper):
    """Writes line breaks in a string as escapes."""


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OneLine.add_representer(str, _string)


def labelled(found: list[Object], labels: Mapping[str, str]) -> list[Object]:
    """The objects with `labels` added to those they have."""
    return [
        {**o, "metadata": {**o["metadata"], "labels": {**o["metadata"].get("labels", {}), **labels}}} for o in found
    ]
