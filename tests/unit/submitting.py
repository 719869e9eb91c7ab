"""Makes submissions by hand: objects that a learner would hand in, and what makes each of them hostile."""

import copy
import io
import json
import stat
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from vlab import render
from vlab.deployment import values
from vlab.submission.admission import POD_SPEC

Object = dict[str, Any]

HERE = "llm-demo"


@cache
def _rendered(profile: str) -> str:
    given = values(profile, HERE, {}, {})
    return json.dumps(
        [o for part in ("namespace", "cache", "server", "service") for o in render.manifest(part, **given)]
    )


def good(profile: str = "cpu") -> list[Object]:
    """The healthy deployment as the lab itself applies it: a namespace, a claim, a Deployment, a Service."""
    return json.loads(_rendered(profile))


def pod_of(kind: str) -> Object:
    """An object of a kind that makes pods, with the server's pod in it."""
    deployment = next(o for o in good() if o["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    metadata = {"name": "vllm-server", "namespace": HERE, "labels": {"app": "vllm-server"}}
    match kind:
        case "Pod":
            return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": template["spec"]}
        case "PodTemplate":
            return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "template": template}
        case "CronJob":
            job = {"spec": {"template": template}}
            spec = {"schedule": "* * * * *", "jobTemplate": job}
            return {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": spec}
        case "Job":
            return {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": {"template": template}}
    spec = {"selector": {"matchLabels": {"app": "vllm-server"}}, "replicas": 1, "template": template}
    version = "v1" if kind == "ReplicationController" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def pod_spec(found: Object) -> Object:
    """The pod's spec in an object that makes pods."""
    for step in POD_SPEC[found["kind"]]:
        found = found[step]
    return found


def service() -> Object:
    return next(o for o in good() if o["kind"] == "Service")


def claim() -> Object:
    return next(o for o in good() if o["kind"] == "PersistentVolumeClaim")


def ingress() -> Object:
    backend = {"service": {"name": "edge", "port": {"name": "http"}}}
    rule = {
        "host": f"edge.{HERE}.example",
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "edge", "namespace": HERE},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }


def secret() -> Object:
    metadata = {"name": "key", "namespace": HERE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": {"key": "k"}}


def set_(spec: Object, *path: Any) -> None:
    """Set the last of a path to the value behind it; mappings on the way are made."""
    *steps, last, value = path
    for step in steps:
        spec = spec[step] if isinstance(step, int) else spec.setdefault(step, {})
    spec[last] = value


def add(spec: Object, field: str, *items: Object) -> None:
    spec[field] = [*spec.get(field, []), *items]


_FIRST = ("containers", 0)
_HOST = {"name": "host", "hostPath": {"path": "/"}}
_TOKEN = {"name": "mine", "projected": {"sources": [{"serviceAccountToken": {"path": "token", "audience": "vault"}}]}}
_SECOND = {"name": "second", "image": "docker.io/evil/miner:1"}

POD_TRAITS: dict[str, tuple[str, Callable[[Object], None]]] = {
    "privileged": ("privileged", lambda s: set_(s, *_FIRST, "securityContext", "privileged", True)),
    "escalation": (
        "allowPrivilegeEscalation",
        lambda s: set_(s, *_FIRST, "securityContext", "allowPrivilegeEscalation", True),
    ),
    "capabilities": (
        "capabilities",
        lambda s: set_(s, *_FIRST, "securityContext", "capabilities", {"add": ["SYS_ADMIN"]}),
    ),
    "procMount": ("procMount", lambda s: set_(s, *_FIRST, "securityContext", "procMount", "Unmasked")),
    "seccomp": ("seccompProfile", lambda s: set_(s, "securityContext", "seccompProfile", {"type": "Unconfined"})),
    "seccomp of one": (
        "seccompProfile",
        lambda s: set_(s, *_FIRST, "securityContext", "seccompProfile", {"type": "Localhost", "localhostProfile": "x"}),
    ),
    "apparmor": (
        "appArmorProfile",
        lambda s: set_(s, *_FIRST, "securityContext", "appArmorProfile", {"type": "Unconfined"}),
    ),
    "selinux": ("seLinuxOptions", lambda s: set_(s, "securityContext", "seLinuxOptions", {"type": "spc_t"})),
    "windows": ("windowsOptions", lambda s: set_(s, "securityContext", "windowsOptions", {"hostProcess": True})),
    "sysctls": ("sysctls", lambda s: set_(s, "securityContext", "sysctls", [{"name": "kernel.shmmax", "value": "1"}])),
    "root": ("runAsUser", lambda s: set_(s, *_FIRST, "securityContext", "runAsUser", 0)),
    "root of all": ("runAsUser", lambda s: set_(s, "securityContext", "runAsUser", 0)),
    "hostNetwork": ("hostNetwork", lambda s: set_(s, "hostNetwork", True)),
    "hostPID": ("hostPID", lambda s: set_(s, "hostPID", True)),
    "hostIPC": ("hostIPC", lambda s: set_(s, "hostIPC", True)),
    "hostPort": ("hostPort", lambda s: add(s["containers"][0], "ports", {"containerPort": 9, "hostPort": 9})),
    "hostPath": ("hostPath", lambda s: add(s, "volumes", _HOST)),
    "nfs": ("nfs", lambda s: add(s, "volumes", {"name": "n", "nfs": {"server": "10.0.0.1", "path": "/"}})),
    "csi": ("csi", lambda s: add(s, "volumes", {"name": "c", "csi": {"driver": "secrets-store.csi.k8s.io"}})),
    "image volume": ("image", lambda s: add(s, "volumes", {"name": "i", "image": {"reference": "evil"}})),
    "token": ("token", lambda s: add(s, "volumes", _TOKEN)),
    "automount": ("token", lambda s: set_(s, "automountServiceAccountToken", True)),
    "account": ("serviceAccount", lambda s: set_(s, "serviceAccountName", "admin")),
    "nodeName": ("nodeName", lambda s: set_(s, "nodeName", "vlab-control-plane")),
    "tolerations": ("tolerations", lambda s: add(s, "tolerations", {"operator": "Exists"})),
    "control plane": (
        "tolerations",
        lambda s: add(s, "tolerations", {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}),
    ),
    "priority": ("priority", lambda s: set_(s, "priorityClassName", "system-node-critical")),
    "runtime": ("runtimeClassName", lambda s: set_(s, "runtimeClassName", "unconfined")),
    "scheduler": ("schedulerName", lambda s: set_(s, "schedulerName", "mine")),
    "dns": ("dnsPolicy", lambda s: set_(s, "dnsPolicy", "Default")),
    "image": ("image", lambda s: set_(s, *_FIRST, "image", "docker.io/evil/miner:latest")),
    "other tag": ("image", lambda s: set_(s, *_FIRST, "image", "registry.k8s.io/pause:latest")),
    "sidecar": ("image", lambda s: add(s, "containers", _SECOND)),
    "init container": ("image", lambda s: add(s, "initContainers", _SECOND)),
    "ephemeral": ("ephemeralContainers", lambda s: add(s, "ephemeralContainers", _SECOND)),
    "raw device": (
        "volumeDevices",
        lambda s: set_(s, *_FIRST, "volumeDevices", [{"name": "model-cache", "devicePath": "/dev/x"}]),
    ),
    "propagation": (
        "mountPropagation",
        lambda s: set_(s, *_FIRST, "volumeMounts", 0, "mountPropagation", "Bidirectional"),
    ),
    "probe": (
        "probe-host",
        lambda s: set_(s, *_FIRST, "livenessProbe", {"httpGet": {"host": "169.254.169.254", "port": 80}}),
    ),
    "claim": ("resourceClaims", lambda s: set_(s, "resourceClaims", [{"name": "gpu"}])),
    "hook": (
        "probe-host",
        lambda s: set_(s, *_FIRST, "lifecycle", "postStart", {"tcpSocket": {"host": "10.0.0.1", "port": 22}}),
    ),
}
"""By name, what a pod may not have: its trait, and what puts it there."""

ONLY_OURS: dict[str, tuple[str, Callable[[Object], None]]] = {
    "memory": ("resources", lambda s: set_(s, *_FIRST, "resources", "limits", "memory", "9Ti")),
    "gpus": ("resources", lambda s: set_(s, *_FIRST, "resources", "limits", "nvidia.com/gpu", 1000)),
    "other resource": ("resources", lambda s: set_(s, *_FIRST, "resources", "limits", "hugepages-2Mi", "1Gi")),
    "new field": ("tomorrow", lambda s: set_(s, "tomorrow", {"privileged": True})),
    "no quantity": ("malformed", lambda s: set_(s, *_FIRST, "resources", "limits", "memory", "much")),
    "no list": ("malformed", lambda s: set_(s, "containers", {"name": "x"})),
    "big template": (
        "storage",
        lambda s: add(
            s,
            "volumes",
            {
                "name": "e",
                "ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "9Pi"}}}}},
            },
        ),
    ),
}
"""The same, where the cluster has others to hold it: quotas, ranges, and its own reading."""

MARKS: dict[str, tuple[str, Callable[[Object], None]]] = {
    "owner": (
        "ownerReferences",
        lambda o: set_(
            o, "metadata", "ownerReferences", [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]
        ),
    ),
    "finalizer": ("finalizers", lambda o: set_(o, "metadata", "finalizers", ["example.com/forever"])),
    "static": ("annotation", lambda o: set_(o, "metadata", "annotations", {"kubernetes.io/config.mirror": "x"})),
}
"""What metadata may not say, of any object."""

OF_NAMES: dict[str, tuple[str, Callable[[Object], None]]] = {
    "other namespace": ("namespace", lambda o: set_(o, "metadata", "namespace", "kube-system")),
    "generated": ("generateName", lambda o: set_(o, "metadata", "generateName", "x-")),
    "no name": ("name", lambda o: set_(o, "metadata", "name", "../../nodes/x")),
    "token of another": (
        "annotation",
        lambda o: set_(o, "metadata", "annotations", {"kubernetes.io/service-account.name": "admin"}),
    ),
}

OTHERS: dict[str, tuple[str, Callable[[], Object], Callable[[Object], None]]] = {
    "node port": ("service-type", service, lambda o: set_(o, "spec", "type", "NodePort")),
    "load balancer": ("service-type", service, lambda o: set_(o, "spec", "type", "LoadBalancer")),
    "external name": ("service-type", service, lambda o: set_(o, "spec", "externalName", "example.com")),
    "external address": ("externalIPs", service, lambda o: set_(o, "spec", "externalIPs", ["10.0.0.1"])),
    "balancer's address": ("loadBalancerIP", service, lambda o: set_(o, "spec", "loadBalancerIP", "10.0.0.1")),
    "node's port": ("nodePort", service, lambda o: set_(o, "spec", "ports", 0, "nodePort", 30000)),
    "volume of others": ("volumeName", claim, lambda o: set_(o, "spec", "volumeName", "pvc-1")),
    "clone": ("dataSource", claim, lambda o: set_(o, "spec", "dataSource", {"kind": "PersistentVolumeClaim"})),
    "clone elsewhere": ("dataSourceRef", claim, lambda o: set_(o, "spec", "dataSourceRef", {"namespace": "other"})),
    "block": ("volumeMode", claim, lambda o: set_(o, "spec", "volumeMode", "Block")),
    "storage class": ("storageClassName", claim, lambda o: set_(o, "spec", "storageClassName", "gold")),
    "ingress class": ("ingressClassName", ingress, lambda o: set_(o, "spec", "ingressClassName", "internal")),
    "another's host": ("ingress-host", ingress, lambda o: set_(o, "spec", "rules", 0, "host", "edge.other.example")),
    "suffix": ("ingress-host", ingress, lambda o: set_(o, "spec", "rules", 0, "host", f"edge.evil-{HERE}.example")),
    "every host": ("ingress-host", ingress, lambda o: o["spec"]["rules"][0].pop("host")),
    "wild host": ("ingress-host", ingress, lambda o: set_(o, "spec", "rules", 0, "host", f"*.{HERE}.example")),
    "default backend": ("ingress-host", ingress, lambda o: set_(o, "spec", "defaultBackend", {"service": {}})),
    "no Service": (
        "ingress-backend",
        ingress,
        lambda o: set_(o["spec"]["rules"][0]["http"]["paths"][0], "backend", {"resource": {"kind": "Bucket"}}),
    ),
    "token Secret": ("secret-type", secret, lambda o: set_(o, "type", "kubernetes.io/service-account-token")),
}
"""By name: the trait, the object, and what is done to it."""

KINDS = {
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "APIService": "apiregistration.k8s.io/v1",
    "Node": "v1",
    "PersistentVolume": "v1",
    "ServiceAccount": "v1",
    "Endpoints": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1",
    "CertificateSigningRequest": "certificates.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "PodTemplate": "v1",
}
"""Kinds that nobody may hand in, and their API versions."""


def spoiled(make: Callable[[], Object], spoil: Callable[[Object], Any]) -> Object:
    found = copy.deepcopy(make())
    spoil(found)
    return found


def hostile_pod(kind: str, spoil: Callable[[Object], None]) -> Object:
    return spoiled(partial(pod_of, kind), lambda o: spoil(pod_spec(o)))


def as_yaml(*objects: Object) -> bytes:
    return yaml.dump_all(objects, Dumper=yaml.CSafeDumper, sort_keys=False).encode()


def zipped(file: Path, entries: dict[str, bytes], **more: Any) -> Path:
    """A zip file of these; `mode` is every entry's type of file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = more.get("compression", zipfile.ZIP_DEFLATED)
            entry.create_system = 3
            entry.external_attr = more.get("mode", stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return file


def twice(file: Path, name: str, content: bytes) -> Path:
    """A zip file in which one name stands twice."""
    zipped(file, {name: content, f"{name[:-1]}_": content})
    raw = file.read_bytes().replace(f"{name[:-1]}_".encode(), name.encode())
    file.write_bytes(raw)
    return file


def encrypted(file: Path, name: str, content: bytes) -> Path:
    """A zip file that says of its entry that it is encrypted."""
    raw = bytearray(zipped(file, {name: content}).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.index(signature) + offset
        raw[at] |= 1
    file.write_bytes(raw)
    return file


def lying(file: Path, name: str, megabytes: int) -> Path:
    """A zip file whose one entry says that it is small, and unpacks to so much."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(name, "w") as entry:
        for _ in range(megabytes):
            entry.write(b"\0" * (1 << 20))
    raw = bytearray(sink.getvalue())
    at = raw.rindex(b"PK\x01\x02") + 24
    raw[at : at + 4] = (1000).to_bytes(4, "little")
    file.write_bytes(raw)
    return file
