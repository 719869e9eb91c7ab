"""The official Kubernetes client without its models: a thousand classes that nobody uses take seconds to import."""

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

MODELS = ("kubernetes.client.models", "kubernetes.client.api", "kubernetes.client.apis")
"""What nobody imports."""
_PACKAGES = {"kubernetes": "", "kubernetes.client": "client", "kubernetes.utils": "utils"}
"""Where each has its modules."""
_IMPORTING = Lock()


def without_models() -> None:
    """Make `kubernetes` importable as calls by path, kubeconfigs and commands in containers need it.

    To be called before it is imported. Its packages import all of their modules at once; in their place stand packages
    that import what they are asked for. Where somebody has imported it already, or its files are laid out otherwise, it
    stays as it is.
    """
    with _IMPORTING:
        found = None if "kubernetes" in sys.modules else find_spec("kubernetes")
        if found is None or not found.submodule_search_locations:
            return
        root = found.submodule_search_locations[0]
        made = {name: ModuleType(name) for name in (*_PACKAGES, *MODELS)}
        for name, package in _PACKAGES.items():
            made[name].__path__ = [f"{root}/{package}"]
        sys.modules.update(made)
        try:
            for module, name in (("configuration", "Configuration"), ("api_client", "ApiClient")):
                setattr(made["kubernetes.client"], name, getattr(import_module(f"kubernetes.client.{module}"), name))
        except (ImportError, AttributeError):
            for name in [n for n in sys.modules if n.partition(".")[0] == "kubernetes"]:
                del sys.modules[name]
