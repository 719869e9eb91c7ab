"""Decides whether an object may be applied for a learner: allow-lists of kinds, fields, volumes and images.

It is pure, and decides over the objects that are then applied. What a learner applies by hand the cluster holds to the
same policy: see cluster_side.py.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeGuard

from vlab.evidence import Object
from vlab.submission.policy import Policy

POD_SPEC = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template", "spec"),
    ),
}
"""Where the pod's spec is in an object, by its kind."""

POD_FIELDS = {
    *("activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy"),
    *("enableServiceLinks", "hostIPC", "hostNetwork", "hostPID", "hostUsers", "hostname", "imagePullSecrets"),
    *("initContainers", "nodeSelector", "os", "preemptionPolicy", "priority", "priorityClassName", "readinessGates"),
    *("restartPolicy", "runtimeClassName", "schedulerName", "securityContext", "serviceAccount", "serviceAccountName"),
    *("setHostnameAsFQDN", "shareProcessNamespace", "subdomain", "terminationGracePeriodSeconds", "tolerations"),
    *("topologySpreadConstraints", "volumes"),
}
CONTAINER_FIELDS = {
    *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports"),
    *("readinessProbe", "resizePolicy", "resources", "restartPolicy", "securityContext", "startupProbe", "stdin"),
    *("stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeMounts", "workingDir"),
}
SECURITY_FIELDS = {
    *("allowPrivilegeEscalation", "appArmorProfile", "capabilities", "fsGroup", "fsGroupChangePolicy", "privileged"),
    *("procMount", "readOnlyRootFilesystem", "runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile"),
    *("supplementalGroups", "supplementalGroupsPolicy", "sysctls"),
}
SERVICE_FIELDS = {
    *("clusterIP", "clusterIPs", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "ports"),
    *(
        "publishNotReadyAddresses",
        "selector",
        "sessionAffinity",
        "sessionAffinityConfig",
        "trafficDistribution",
        "type",
    ),
}
PROJECTED = {"configMap", "downwardAPI", "secret"}
"""Sources of a projected volume: a token is none."""
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")

TRAITS = {
    "hostNetwork": "uses its node's network",
    "hostPID": "sees its node's processes",
    "hostIPC": "shares its node's memory",
    "nodeName": "goes past the scheduler",
    "ephemeralContainers": "brings containers into a pod that runs",
}
"""What a pod does with a field that none may have."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_QUANTITY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(m|k|[KMGTP]i?|[eE][0-9]{1,2})?")
_SUFFIXES = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000), "K": Decimal(1000)}
_SUFFIXES |= {letter: Decimal(1000) ** power for power, letter in enumerate("MGTP", 2)}
_SUFFIXES |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTP", 1)}
_PROTECTION = {"PersistentVolumeClaim": {"kubernetes.io/pvc-protection"}}
"""Finalizers that the cluster itself puts there."""
_ENFORCED = "pod-security.kubernetes.io/"

Said = tuple[str, str, str]
"""Where in the object, which trait, and what it does."""
Found = Iterator[Said]


@dataclass(frozen=True)
class Refusal:
    """Why an object may not be applied."""

    object: str
    """Kind/name."""
    at: str
    """The field, as a path."""
    trait: str
    """What is wrong in one word: the name of the field or of the kind of trouble."""
    reason: str

    def __str__(self) -> str:
        where = f"{self.at} " if self.at else ""
        return f"{self.object}: {where}{self.reason}"


class _Malformed(Exception):
    """A value that is not of the type that Kubernetes reads there."""


def admit(objects: Sequence[Object], policy: Policy) -> list[Refusal]:
    """Why objects may not be applied; nothing if all of them may. It raises nothing, whatever they are."""
    found: list[Refusal] = []
    if len(objects) > policy.objects:
        return [Refusal("submission", "", "objects", f"has {len(objects)} objects, more than {policy.objects}")]
    seen: set[tuple[str, str]] = set()
    for each in objects:
        name = _named(each)
        found += [Refusal(name, at, trait, reason) for at, trait, reason in _judged(each, policy)]
        key = (str(each.get("kind")), name) if isinstance(each, dict) else ("", name)
        if key in seen:
            found.append(Refusal(name, "", "twice", "is there twice"))
        seen.add(key)
    return found


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None if it is none that is positive."""
    match = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if match is None or isinstance(value, bool):
        return None
    suffix = match[2] or ""
    factor = Decimal(10) ** int(suffix[1:]) if suffix[:1] in ("e", "E") and suffix[1:] else _SUFFIXES.get(suffix)
    return None if factor is None else Decimal(match[1]) * factor


def _named(found: Any) -> str:
    if not isinstance(found, dict):
        return "?"
    metadata = found.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{_short(found.get('kind'))}/{_short(name)}"


def _short(value: Any) -> str:
    return value[:80] if isinstance(value, str) else "?"


def _judged(found: Any, policy: Policy) -> list[Said]:
    said: list[Said] = []
    try:
        for each in _object(found, policy):
            said.append(each)
    except _Malformed as e:
        said.append((str(e), "malformed", "is not what Kubernetes reads there"))
    return said


def _object(found: Object, policy: Policy) -> Found:
    if not isinstance(found, dict):
        raise _Malformed("the document")
    version, kind = _text(found.get("apiVersion"), "apiVersion"), _text(found.get("kind"), "kind")
    if (version, kind) == ("v1", "Namespace"):
        yield from _namespace(found, policy)
        return
    if f"{version}/{kind}" not in policy.kinds:
        yield "", "kind", f"{version[:80]} {kind[:80]} is no kind that may be applied here"
        return
    yield from _metadata(found, kind, policy)
    if kind in POD_SPEC:
        yield from _workload(found, kind, policy)
    if kind in _OTHERS:
        yield from _OTHERS[kind](_map(found.get("spec"), "spec"), policy)
    if kind == "Secret" and (of := _text(found.get("type", "Opaque"), "type")) not in policy.secret_types:
        yield "type", "secret-type", f"{of[:80]} is no type of Secret that may be applied here"


def _namespace(found: Object, policy: Policy) -> Found:
    """The learner's own, with labels of its own."""
    metadata = _map(found.get("metadata"), "metadata")
    if metadata.get("name") != policy.namespace:
        yield "metadata.name", "namespace", f"is not {policy.namespace}, the only namespace here"
    for key in _map(metadata.get("labels"), "metadata.labels"):
        if key.startswith(_ENFORCED) or key == "vlab.dev/class":
            yield f"metadata.labels[{key[:80]}]", "enforcement", "says what is enforced, which is not the learner's"
    yield from _marks(metadata, "metadata", "Namespace", policy)
    if set(_map(found.get("spec"), "spec")) - {"finalizers"} or _list(
        _map(found.get("spec"), "spec").get("finalizers"), "spec.finalizers"
    ) not in ([], ["kubernetes"]):
        yield "spec", "finalizers", "keeps the namespace from being removed"


def _metadata(found: Object, kind: str, policy: Policy) -> Found:
    metadata = _map(found.get("metadata"), "metadata")
    name = metadata.get("name")
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield "metadata.name", "name", "is no name of an object"
    if metadata.get("namespace", policy.namespace) != policy.namespace:
        yield "metadata.namespace", "namespace", f"is not {policy.namespace}, the only namespace here"
    yield from _marks(metadata, "metadata", kind, policy)


def _marks(metadata: Object, at: str, kind: str, policy: Policy) -> Found:
    """What metadata says beside a name: of an object, and of the pods that it makes."""
    if metadata.get("generateName"):
        yield f"{at}.generateName", "generateName", "has another name each time"
    if metadata.get("ownerReferences"):
        yield f"{at}.ownerReferences", "ownerReferences", "says that something else owns it"
    extra = {str(f) for f in _list(metadata.get("finalizers"), f"{at}.finalizers")} - _PROTECTION.get(kind, set())
    if extra:
        yield f"{at}.finalizers", "finalizers", "keeps it from being removed"
    for key in _map(metadata.get("annotations"), f"{at}.annotations"):
        if _of_kubernetes(key) and not key.startswith(policy.annotations):
            yield f"{at}.annotations[{key[:80]}]", "annotation", "tells a part of the cluster what to do"
    _map(metadata.get("labels"), f"{at}.labels")


def _of_kubernetes(key: str) -> bool:
    domain = key.partition("/")[0] if "/" in key else ""
    return domain.endswith(("kubernetes.io", "k8s.io"))


def _workload(found: Object, kind: str, policy: Policy) -> Found:
    path = POD_SPEC[kind]
    spec = _map(found.get("spec"), "spec")
    holder, at = found, ""
    for step in path[:-1]:
        at = f"{at}.{step}" if at else step
        holder = _map(holder.get(step), at)
    if kind != "Pod":
        yield from _marks(_map(holder.get("metadata"), f"{at}.metadata"), f"{at}.metadata", "Pod", policy)
        yield from _numbers(spec, "spec", policy)
    if kind == "CronJob":
        job = _map(_map(spec.get("jobTemplate"), "spec.jobTemplate").get("spec"), "spec.jobTemplate.spec")
        yield from _numbers(job, "spec.jobTemplate.spec", policy)
    if kind == "StatefulSet":
        claims = "spec.volumeClaimTemplates"
        for number, claim in enumerate(_list(spec.get("volumeClaimTemplates"), claims)):
            yield from _claim_template(_map(claim, f"{claims}[{number}]"), f"{claims}[{number}]", policy)
    at = f"{at}.spec" if at else "spec"
    yield from _pod(_map(holder.get("spec"), at), at, policy)


def _numbers(spec: Object, at: str, policy: Policy) -> Found:
    for field in ("replicas", "parallelism", "completions"):
        number = spec.get(field)
        if number is not None and not (_is_whole(number) and 0 <= number <= policy.replicas):
            yield f"{at}.{field}", "replicas", f"asks for more than {policy.replicas}"


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _pod(spec: Object, at: str, policy: Policy) -> Found:
    for field, what in TRAITS.items():
        if spec.get(field):
            yield f"{at}.{field}", field, what
    yield from _unknown(spec, POD_FIELDS | set(TRAITS), at)
    yield from _account(spec, at, policy)
    yield from _placed(spec, at, policy)
    yield from _security(_map(spec.get("securityContext"), f"{at}.securityContext"), f"{at}.securityContext", policy)
    for number, volume in enumerate(_list(spec.get("volumes"), f"{at}.volumes")):
        yield from _volume(_map(volume, f"{at}.volumes[{number}]"), f"{at}.volumes[{number}]", policy)
    if not _list(spec.get("containers"), f"{at}.containers"):
        yield f"{at}.containers", "malformed", "has none"
    for field in ("initContainers", "containers"):
        for number, each in enumerate(_list(spec.get(field), f"{at}.{field}")):
            yield from _container(_map(each, f"{at}.{field}[{number}]"), f"{at}.{field}[{number}]", policy)


def _unknown(found: Object, known: Collection[str], at: str) -> Found:
    for field in found:
        if field not in known and found[field] not in (None, False, "", [], {}):
            yield f"{at}.{field[:80]}", field[:80], "is no field that may be set here"


def _account(spec: Object, at: str, policy: Policy) -> Found:
    for field in ("serviceAccountName", "serviceAccount"):
        if spec.get(field) and spec[field] not in policy.service_accounts:
            yield f"{at}.{field}", "serviceAccount", "acts as somebody else"
    if spec.get("automountServiceAccountToken"):
        yield f"{at}.automountServiceAccountToken", "token", "asks for a token of the API"
    if spec.get("runtimeClassName") and spec["runtimeClassName"] not in policy.runtime_classes:
        yield f"{at}.runtimeClassName", "runtimeClassName", "is no runtime that may be asked for"


def _placed(spec: Object, at: str, policy: Policy) -> Found:
    """Where it runs, and who has to make room for it."""
    if spec.get("priorityClassName") and spec["priorityClassName"] not in policy.priority_classes:
        yield f"{at}.priorityClassName", "priority", "is more important than others"
    if spec.get("priority") and not spec.get("priorityClassName"):
        yield f"{at}.priority", "priority", "is more important than others"
    if spec.get("schedulerName") not in (None, "", "default-scheduler"):
        yield f"{at}.schedulerName", "schedulerName", "has a scheduler of its own"
    if spec.get("dnsPolicy") not in (None, "", "ClusterFirst"):
        yield f"{at}.dnsPolicy", "dnsPolicy", "asks its node for names"
    for number, each in enumerate(_list(spec.get("tolerations"), f"{at}.tolerations")):
        where = f"{at}.tolerations[{number}]"
        key = _map(each, where).get("key")
        if not key or str(key).startswith("node-role.kubernetes.io/"):
            yield where, "tolerations", "goes to nodes that are kept for others"


def _security(context: Object, at: str, policy: Policy) -> Found:
    """Of a pod or of a container."""
    yield from _unknown(context, SECURITY_FIELDS, at)
    for field, what in (
        ("privileged", "has all rights on its node"),
        ("allowPrivilegeEscalation", "may get more rights than it has"),
    ):
        if context.get(field):
            yield f"{at}.{field}", field, what
    if _map(context.get("capabilities"), f"{at}.capabilities").get("add"):
        yield f"{at}.capabilities.add", "capabilities", "asks for more rights"
    if context.get("sysctls"):
        yield f"{at}.sysctls", "sysctls", "changes settings of the kernel"
    if context.get("procMount") not in (None, "", "Default"):
        yield f"{at}.procMount", "procMount", "sees what /proc hides"
    for field in ("seccompProfile", "appArmorProfile"):
        profile = _map(context.get(field), f"{at}.{field}")
        if profile and profile.get("type") != "RuntimeDefault":
            yield f"{at}.{field}", field, "takes off a guard of the kernel"
    user = context.get("runAsUser")
    if user is not None and not _is_whole(user):
        raise _Malformed(f"{at}.runAsUser")
    if user == 0 and not policy.root:
        yield f"{at}.runAsUser", "runAsUser", "asks for root"


def _container(found: Object, at: str, policy: Policy) -> Found:
    yield from _unknown(found, CONTAINER_FIELDS, at)
    image = found.get("image")
    if image not in policy.every_image:
        yield f"{at}.image", "image", f"{_short(image)} is no image that may run here"
    for number, port in enumerate(_list(found.get("ports"), f"{at}.ports")):
        where = f"{at}.ports[{number}]"
        if {"hostPort", "hostIP"} & {field for field, value in _map(port, where).items() if value}:
            yield where, "hostPort", "takes a port of its node"
    for number, mount in enumerate(_list(found.get("volumeMounts"), f"{at}.volumeMounts")):
        where = f"{at}.volumeMounts[{number}]"
        if _map(mount, where).get("mountPropagation") not in (None, "", "None", "HostToContainer"):
            yield where, "mountPropagation", "mounts into its node"
    context = f"{at}.securityContext"
    yield from _security(_map(found.get("securityContext"), context), context, policy)
    yield from _resources(_map(found.get("resources"), f"{at}.resources"), f"{at}.resources", policy)
    yield from _asked(found, at)


def _asked(found: Object, at: str) -> Found:
    """Whom the kubelet is to ask for a container: only the container."""
    lifecycle = _map(found.get("lifecycle"), f"{at}.lifecycle")
    handlers = [(f"{at}.{name}", found.get(name)) for name in PROBES]
    handlers += [(f"{at}.lifecycle.{name}", lifecycle.get(name)) for name in ("postStart", "preStop")]
    for where, handler in handlers:
        for how in ("httpGet", "tcpSocket"):
            if _map(_map(handler, where).get(how), f"{where}.{how}").get("host"):
                yield f"{where}.{how}.host", "probe-host", "has the node ask somebody else"


def _resources(found: Object, at: str, policy: Policy) -> Found:
    yield from _unknown(found, ("limits", "requests"), at)
    for side in ("limits", "requests"):
        for name, value in _map(found.get(side), f"{at}.{side}").items():
            where, amount = f"{at}.{side}[{name[:80]}]", quantity(value)
            most = quantity(policy.resources.get(name, "0"))
            if amount is None or most is None:
                raise _Malformed(where)
            if amount > most:
                yield (
                    where,
                    "resources",
                    f"asks for {_short(str(value))}, more than {policy.resources.get(name, 'none')}",
                )


def _volume(found: Object, at: str, policy: Policy) -> Found:
    types = [field for field in found if field != "name" and found[field] is not None]
    for field in types:
        if field not in policy.volumes:
            yield f"{at}.{field[:80]}", field[:80], "is no type of volume that may be mounted here"
    if "projected" in types:
        inside = _map(found["projected"], f"{at}.projected")
        for number, source in enumerate(_list(inside.get("sources"), f"{at}.projected.sources")):
            where = f"{at}.projected.sources[{number}]"
            for field in set(_map(source, where)) - PROJECTED:
                trait = "token" if field == "serviceAccountToken" else field[:80]
                yield f"{where}.{field[:80]}", trait, "is nothing that may be projected here"
    if "ephemeral" in types:
        where = f"{at}.ephemeral.volumeClaimTemplate"
        template = _map(found["ephemeral"], f"{at}.ephemeral").get("volumeClaimTemplate")
        yield from _claim_template(_map(template, where), where, policy)


def _claim_template(found: Object, at: str, policy: Policy) -> Found:
    yield from _marks(_map(found.get("metadata"), f"{at}.metadata"), f"{at}.metadata", "PersistentVolumeClaim", policy)
    yield from _claim(_map(found.get("spec"), f"{at}.spec"), policy, f"{at}.spec")


def _claim(spec: Object, policy: Policy, at: str = "spec") -> Found:
    for field in ("volumeName", "dataSource", "dataSourceRef", "selector"):
        if spec.get(field):
            yield f"{at}.{field}", field, "takes a volume that may be somebody else's"
    yield from _unknown(
        spec,
        {
            *("accessModes", "resources", "storageClassName", "volumeMode", "volumeAttributesClassName"),
            *("volumeName", "dataSource", "dataSourceRef", "selector"),
        },
        at,
    )
    if spec.get("volumeMode") not in (None, "", "Filesystem"):
        yield f"{at}.volumeMode", "volumeMode", "asks for a raw device"
    if spec.get("storageClassName") and spec["storageClassName"] not in policy.storage_classes:
        yield f"{at}.storageClassName", "storageClassName", "is no class that may be asked for"
    for side in ("requests", "limits"):
        where = f"{at}.resources.{side}"
        asked = _map(_map(spec.get("resources"), f"{at}.resources").get(side), where).get("storage", "0")
        amount, most = quantity(asked), quantity(policy.claim)
        if amount is None or most is None:
            raise _Malformed(f"{where}.storage")
        if amount > most:
            yield f"{where}.storage", "storage", f"asks for {_short(str(asked))}, more than {policy.claim}"


def _service(spec: Object, policy: Policy) -> Found:  # noqa: ARG001 - as all of _OTHERS
    if spec.get("type") not in (None, "", "ClusterIP"):
        yield "spec.type", "service-type", f"{_short(spec['type'])} leads out of the cluster"
    if spec.get("externalName"):
        yield "spec.externalName", "service-type", "leads out of the cluster"
    if spec.get("externalIPs"):
        yield "spec.externalIPs", "externalIPs", "takes addresses of others"
    yield from _unknown(spec, SERVICE_FIELDS | {"externalName", "externalIPs"}, "spec")
    for number, port in enumerate(_list(spec.get("ports"), "spec.ports")):
        if _map(port, f"spec.ports[{number}]").get("nodePort"):
            yield f"spec.ports[{number}].nodePort", "nodePort", "takes a port of every node"


def _ingress(spec: Object, policy: Policy) -> Found:
    if spec.get("ingressClassName") not in policy.ingress_classes:
        yield "spec.ingressClassName", "ingressClassName", "is no way in that may be used here"
    if spec.get("defaultBackend"):
        yield "spec.defaultBackend", "ingress-host", "takes what is sent to nobody else"
    for number, rule in enumerate(_list(spec.get("rules"), "spec.rules")):
        where = f"spec.rules[{number}]"
        host = _map(rule, where).get("host")
        if not (isinstance(host, str) and f".{host}".endswith(f".{policy.ingress_domain}") and "*" not in host):
            yield f"{where}.host", "ingress-host", f"is not below {policy.ingress_domain}"
        paths = _map(_map(rule, where).get("http"), f"{where}.http").get("paths")
        for place, path in enumerate(_list(paths, f"{where}.http.paths")):
            at = f"{where}.http.paths[{place}]"
            if _map(_map(path, at).get("backend"), f"{at}.backend").get("resource"):
                yield f"{at}.backend.resource", "ingress-backend", "is no Service"


def _scaler(spec: Object, policy: Policy) -> Found:
    most = spec.get("maxReplicas")
    if not (_is_whole(most) and 0 <= most <= policy.replicas):
        yield "spec.maxReplicas", "replicas", f"asks for more than {policy.replicas}"


_OTHERS: dict[str, Callable[[Object, Policy], Found]] = {
    "Service": _service,
    "Ingress": _ingress,
    "PersistentVolumeClaim": _claim,
    "HorizontalPodAutoscaler": _scaler,
}
"""What is looked at in the spec of other kinds."""


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise _Malformed(at)
    return value


def _map(value: Any, at: str) -> Object:
    """A mapping, or an empty one for nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _Malformed(at)
    return value


def _list(value: Any, at: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _Malformed(at)
    return value
