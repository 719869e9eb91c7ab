"""Which kinds of objects an API serves, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ACCEPT = ",".join(f"application/json;g=apidiscovery.k8s.io;v={v};as=APIGroupDiscoveryList" for v in ("v2", "v2beta1"))
"""What discovery must be asked for to say everything in one answer a root."""


@dataclass(frozen=True)
class Resource:
    """A kind of object, where the API serves it."""

    kind: str
    plural: str
    version: str
    """As in apiVersion: v1, apps/v1."""
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    def path(self, namespace: str | None = None, name: str = "", part: str = "") -> str:
        """The path of its collection, of one object, or of a part of that."""
        root = f"/api/{self.version}" if "/" not in self.version else f"/apis/{self.version}"
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return "/".join(filter(None, (f"{root}{inside}/{self.plural}", name, part)))


def by_plural(groups: Iterable[Any]) -> dict[str, Resource]:
    """Every kind that can be listed; of two groups with one plural, the first that the API names."""
    found: dict[str, Resource] = {}
    for group in groups:
        for version in group.get("versions", ())[:1]:
            name = "/".join(filter(None, (group["metadata"].get("name", ""), version["version"])))
            for r in version.get("resources", ()):
                if "list" in r.get("verbs", ()):
                    of = Resource(
                        r["responseKind"]["kind"], r["resource"], name, r["scope"] == "Namespaced",
                        frozenset(r["verbs"]),
                    )  # fmt: skip
                    found.setdefault(of.plural, of)
    return found
