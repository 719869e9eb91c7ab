"""The policy as the cluster itself holds it: ValidatingAdmissionPolicies over the namespaces of a class, from 1.30 on.

They see what a learner applies by hand and the pods that controllers make of it. What is not here is held by others:
kinds and the namespaces of others by the learner's Role, amounts by ResourceQuota and LimitRange.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from vlab.evidence import Object
from vlab.settings import CLASS
from vlab.submission.admission import POD_SPEC, PROBES, PROJECTED, TRAITS
from vlab.submission.policy import SYSTEMS, Policy

_API = "admissionregistration.k8s.io/v1"
_FINALIZERS = ("foregroundDeletion", "orphan", "kubernetes.io/pvc-protection")
"""Those that a deletion and the cluster leave on what a learner may change."""
_GUARDS = (
    "container.apparmor.security.beta.kubernetes.io/",
    "container.seccomp.security.alpha.kubernetes.io/",
    "kubernetes.io/config.",
    "seccomp.security.alpha.kubernetes.io/",
    "security.alpha.kubernetes.io/",
)
"""Beginnings of annotations that take off a guard, or call a pod a static one."""
_OWN_TOKEN = "kube-api-access-"  # noqa: S105 - the name of a volume
"""So the volume is called that the API server itself puts into each pod."""

_CONTROLLER = (
    "request.userInfo.groups.exists(g, g in ['system:masters', 'system:nodes', 'system:serviceaccounts:kube-system'])"
    " || request.userInfo.username.startsWith('system:kube-')"
)


@dataclass(frozen=True)
class Rule:
    """What must hold of every object that is matched."""

    trait: str
    """As admission.Refusal has it."""
    expression: str
    """In CEL; true lets through."""
    message: str


@dataclass(frozen=True)
class Part:
    """One policy: which resources it looks at, and what must hold of them."""

    name: str
    resources: tuple[tuple[str, tuple[str, ...]], ...]
    """API groups, and the resources of each."""
    variables: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]


def admission_policies(policy: Policy, of: str, called: str) -> list[Object]:
    """A ValidatingAdmissionPolicy and its binding for each part.

    They hold in namespaces whose label vlab.dev/class says `of`, and in no others; never in those of the system. The
    policy's own namespace plays no part: one set serves a whole class.

    Args:
        of: the class's uid.
        called: how their names begin.
    """
    return [o for part in parts(policy) for o in (_policy(part, called), _binding(part, of, called))]


def parts(policy: Policy) -> tuple[Part, ...]:
    """What the cluster looks at."""
    pods = ((("", ("pods", "pods/ephemeralcontainers"))),)
    made = (("apps", ("deployments", "statefulsets", "daemonsets", "replicasets")), ("batch", ("jobs",)))
    core = ("", ("services", "configmaps", "secrets", "persistentvolumeclaims", "pods"))
    return (
        Part("pods", pods, _of_pods("object"), (*_pod(policy), *_of_a_pod_alone())),
        Part("templates", (*made, ("", ("replicationcontrollers",))), _of_pods("object", "Deployment"), _made(policy)),
        Part("cronjobs", (("batch", ("cronjobs",)),), _of_pods("object", "CronJob"), _made(policy)),
        Part("podtemplates", (("", ("podtemplates",)),), _of_pods("object", "PodTemplate"), _made(policy)),
        Part("services", (("", ("services",)),), (), tuple(_services())),
        Part("ingresses", (("networking.k8s.io", ("ingresses",)),), (), tuple(_ingresses(policy))),
        Part("claims", (("", ("persistentvolumeclaims",)),), _CALLER, tuple(_claims(policy))),
        Part("secrets", (("", ("secrets",)),), (), (_secret_types(policy),)),
        Part("marks", (core, *made, ("batch", ("cronjobs",)), ("networking.k8s.io", ("*",))), _CALLER, _MARKS),
    )


def covered(policy: Policy) -> frozenset[str]:
    """The traits that the cluster refuses."""
    return frozenset(rule.trait for part in parts(policy) for rule in part.rules)


def _policy(part: Part, called: str) -> Object:
    rules = [
        {
            "apiGroups": [group],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": list(resources),
            "scope": "Namespaced",
        }
        for group, resources in part.resources
    ]
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"{called}-{part.name}"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": rules},
            "variables": [{"name": name, "expression": expression} for name, expression in part.variables],
            "validations": [
                {"expression": r.expression, "message": f"{r.trait}: {r.message}", "reason": "Forbidden"}
                for r in part.rules
            ],
        },
    }


def _binding(part: Part, of: str, called: str) -> Object:
    selector = [
        {"key": CLASS, "operator": "In", "values": [of]},
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [*SYSTEMS, called]},
    ]
    return {
        "apiVersion": _API,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": f"{called}-{part.name}"},
        "spec": {
            "policyName": f"{called}-{part.name}",
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchExpressions": selector}},
        },
    }


_CALLER = (("controller", _CONTROLLER),)


def _of_pods(root: str, kind: str = "Pod") -> tuple[tuple[str, str], ...]:
    """The parts of a pod's spec, wherever that is."""
    spec = ".".join((root, *POD_SPEC[kind]))
    inits = f"has({spec}.initContainers) ? {spec}.initContainers : []"
    return (
        *_CALLER,
        ("spec", spec),
        ("containers", f"{spec}.containers + ({inits})"),
        ("contexts", f"{spec}.containers.filter(c, has(c.securityContext)).map(c, c.securityContext) + "
         f"({inits}).filter(c, has(c.securityContext)).map(c, c.securityContext)"),
        ("volumes", f"has({spec}.volumes) ? {spec}.volumes : []"),
    )  # fmt: skip


def _cel(words: Iterable[str]) -> str:
    """Words as a list in CEL, whose strings are JSON's."""
    return json.dumps(list(words))


def _unset(where: str, field: str) -> str:
    """That a field is not there, or false, empty or 0, is told by the API server itself: it leaves those out."""
    return f"!has({where}.{field})"


def _not_true(where: str, field: str) -> str:
    return f"(!has({where}.{field}) || {where}.{field} == false)"


def _one_of(where: str, field: str, words: Iterable[str]) -> str:
    return f"(!has({where}.{field}) || {where}.{field} in {_cel(words)})"


def _context(trait: str, condition: str, message: str) -> Rule:
    """Of the pod's security context, `s`, and of every container's."""
    pod = condition.replace("s.", "variables.spec.securityContext.")
    return Rule(
        trait,
        f"(!has(variables.spec.securityContext) || {pod}) && variables.contexts.all(s, {condition})",
        message,
    )


def _pod(policy: Policy) -> Iterable[Rule]:
    """What must hold of a pod's spec, of a pod and of a template alike."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        yield Rule(field, _not_true("variables.spec", field), TRAITS[field])
    yield Rule(
        "ephemeralContainers",
        "!has(variables.spec.ephemeralContainers) || size(variables.spec.ephemeralContainers) == 0",
        TRAITS["ephemeralContainers"],
    )
    accounts = _one_of("variables.spec", "serviceAccountName", ("", *policy.service_accounts))
    yield Rule("serviceAccount", accounts, "acts as somebody else")
    token = _not_true("variables.spec", "automountServiceAccountToken")
    yield Rule("token", token, "asks for a token of the API")
    runtimes = _one_of("variables.spec", "runtimeClassName", policy.runtime_classes)
    yield Rule("runtimeClassName", runtimes, "is no runtime that may be asked for")
    priorities = _one_of("variables.spec", "priorityClassName", ("", *policy.priority_classes))
    yield Rule("priority", priorities, "is more important than others")
    schedulers = _one_of("variables.spec", "schedulerName", ("", "default-scheduler"))
    yield Rule("schedulerName", schedulers, "has a scheduler of its own")
    yield Rule("dnsPolicy", _one_of("variables.spec", "dnsPolicy", ("", "ClusterFirst")), "asks its node for names")
    yield Rule(
        "tolerations",
        "!has(variables.spec.tolerations) || variables.spec.tolerations.all(t, "
        "has(t.key) && t.key != '' && !t.key.startsWith('node-role.kubernetes.io/'))",
        "goes to nodes that are kept for others",
    )
    known = " || ".join(f"has(v.{kind})" for kind in policy.volumes)
    yield Rule("volume-type", f"variables.volumes.all(v, {known})", "a volume is of no type that may be mounted here")
    yield from _containers(policy)
    yield from _contexts(policy)


def _containers(policy: Policy) -> Iterable[Rule]:
    images = f"variables.containers.all(c, has(c.image) && c.image in {_cel(policy.every_image)})"
    yield Rule("image", images, "an image is none that may run here")
    ports = (
        "!has(c.ports) || c.ports.all(p, (!has(p.hostPort) || p.hostPort == 0) && (!has(p.hostIP) || p.hostIP == ''))"
    )
    yield Rule("hostPort", f"variables.containers.all(c, {ports})", "takes a port of its node")
    mounts = (
        "!has(c.volumeMounts) || c.volumeMounts.all(m, "
        "!has(m.mountPropagation) || m.mountPropagation != 'Bidirectional')"
    )
    yield Rule("mountPropagation", f"variables.containers.all(c, {mounts})", "mounts into its node")
    claims = "!has(variables.spec.resourceClaims) || size(variables.spec.resourceClaims) == 0"
    yield Rule("resourceClaims", claims, "asks for devices by a claim")
    devices = "variables.containers.all(c, !has(c.volumeDevices) || size(c.volumeDevices) == 0)"
    yield Rule("volumeDevices", devices, "asks for a raw device")
    handlers = [(f"has(c.{name})", f"c.{name}") for name in PROBES]
    handlers += [
        (f"has(c.lifecycle) && has(c.lifecycle.{name})", f"c.lifecycle.{name}") for name in ("postStart", "preStop")
    ]
    asked = " && ".join(
        f"!({there} && has({where}.{how}) && has({where}.{how}.host) && {where}.{how}.host != '')"
        for there, where in handlers
        for how in ("httpGet", "tcpSocket")
    )
    yield Rule("probe-host", f"variables.containers.all(c, {asked})", "has the node ask somebody else")


def _contexts(policy: Policy) -> Iterable[Rule]:
    for field, message in (
        ("privileged", "has all rights on its node"),
        ("allowPrivilegeEscalation", "may get more rights than it has"),
    ):
        yield Rule(field, f"variables.contexts.all(s, {_not_true('s', field)})", message)
    capabilities = (
        "variables.contexts.all(s, !has(s.capabilities) || !has(s.capabilities.add) || size(s.capabilities.add) == 0)"
    )
    yield Rule("capabilities", capabilities, "asks for more rights")
    masks = f"variables.contexts.all(s, {_one_of('s', 'procMount', ('', 'Default'))})"
    yield Rule("procMount", masks, "sees what /proc hides")
    yield Rule(
        "sysctls",
        "!has(variables.spec.securityContext) || !has(variables.spec.securityContext.sysctls) || "
        "size(variables.spec.securityContext.sysctls) == 0",
        "changes settings of the kernel",
    )
    for field in ("seccompProfile", "appArmorProfile"):
        profile = f"(!has(s.{field}) || s.{field}.type == 'RuntimeDefault')"
        yield _context(field, profile, "takes off a guard of the kernel")
    for field in ("seLinuxOptions", "windowsOptions"):
        yield _context(field, _unset("s", field), "is no field that may be set here")
    if not policy.root:
        yield _context("runAsUser", "(!has(s.runAsUser) || s.runAsUser != 0)", "asks for root")


def _made(policy: Policy) -> tuple[Rule, ...]:
    """Of what makes pods."""
    return (
        *_pod(policy),
        Rule("nodeName", "!has(variables.spec.nodeName) || variables.spec.nodeName == ''", TRAITS["nodeName"]),
        Rule("token", f"variables.volumes.all(v, {_projected()})", "asks for a token of the API"),
    )


def _projected(besides: str = "false") -> str:
    sources = " && ".join(
        _unset("p", field) for field in ("serviceAccountToken", "clusterTrustBundle", "podCertificate")
    )
    known = " || ".join(f"has(p.{field})" for field in sorted(PROJECTED))
    return (
        f"!has(v.projected) || !has(v.projected.sources) || {besides} || "
        f"v.projected.sources.all(p, ({known}) && {sources})"
    )


def _of_a_pod_alone() -> Iterable[Rule]:
    """A pod that a controller made has been scheduled, and has the token that the API server gives to each."""
    yield Rule(
        "nodeName",
        "!has(variables.spec.nodeName) || variables.spec.nodeName == '' || variables.controller || "
        "(request.operation == 'UPDATE' && has(oldObject.spec.nodeName) && "
        "oldObject.spec.nodeName == variables.spec.nodeName)",
        TRAITS["nodeName"],
    )
    given = (
        f"(v.name.startsWith('{_OWN_TOKEN}') && v.projected.sources.all(p, "
        "!has(p.serviceAccountToken) || !has(p.serviceAccountToken.audience) || p.serviceAccountToken.audience == ''))"
    )
    yield Rule("token", f"variables.volumes.all(v, {_projected(given)})", "asks for a token of the API")


def _services() -> Iterable[Rule]:
    ports = "!has(object.spec.ports) || object.spec.ports.all(p, !has(p.nodePort) || p.nodePort == 0)"
    yield Rule("service-type", _one_of("object.spec", "type", ("ClusterIP",)), "leads out of the cluster")
    for field, trait, message in (
        ("externalName", "service-type", "leads out of the cluster"),
        ("externalIPs", "externalIPs", "takes addresses of others"),
        ("loadBalancerIP", "loadBalancerIP", "is no field that may be set here"),
    ):
        yield Rule(trait, f"!has(object.spec.{field}) || size(object.spec.{field}) == 0", message)
    yield Rule("nodePort", ports, "takes a port of every node")


def _ingresses(policy: Policy) -> Iterable[Rule]:
    classes = f"has(object.spec.ingressClassName) && object.spec.ingressClassName in {_cel(policy.ingress_classes)}"
    yield Rule("ingressClassName", classes, "is no way in that may be used here")
    yield Rule(
        "ingress-host",
        "!has(object.spec.defaultBackend) && (!has(object.spec.rules) || object.spec.rules.all(r, has(r.host) && "
        "!r.host.contains('*') && ('.' + r.host).endsWith('.' + namespaceObject.metadata.name + '.example')))",
        "is not below the namespace's own name",
    )
    yield Rule(
        "ingress-backend",
        "!has(object.spec.rules) || object.spec.rules.all(r, !has(r.http) || "
        "r.http.paths.all(p, !has(p.backend.resource)))",
        "is no Service",
    )


def _claims(policy: Policy) -> Iterable[Rule]:
    taken = "takes a volume that may be somebody else's"
    yield Rule(
        "volumeName",
        "!has(object.spec.volumeName) || object.spec.volumeName == '' || variables.controller || "
        "(request.operation == 'UPDATE' && has(oldObject.spec.volumeName) && "
        "oldObject.spec.volumeName == object.spec.volumeName)",
        taken,
    )
    for field in ("dataSource", "dataSourceRef", "selector"):
        yield Rule(field, _unset("object.spec", field), taken)
    yield Rule("volumeMode", _one_of("object.spec", "volumeMode", ("Filesystem",)), "asks for a raw device")
    classes = _one_of("object.spec", "storageClassName", ("", *policy.storage_classes))
    yield Rule("storageClassName", classes, "is no class that may be asked for")


def _secret_types(policy: Policy) -> Rule:
    known = _one_of("object", "type", policy.secret_types)
    return Rule("secret-type", known, "is no type of Secret that may be applied here")


_MARKS = (
    Rule(
        "ownerReferences",
        "!has(object.metadata.ownerReferences) || size(object.metadata.ownerReferences) == 0 || "
        "variables.controller || (request.operation == 'UPDATE' && has(oldObject.metadata.ownerReferences) && "
        "oldObject.metadata.ownerReferences == object.metadata.ownerReferences)",
        "says that something else owns it",
    ),
    Rule(
        "finalizers",
        "!has(object.metadata.finalizers) || variables.controller || "
        f"object.metadata.finalizers.all(f, f in {_cel(_FINALIZERS)} || (request.operation == 'UPDATE' && "
        "has(oldObject.metadata.finalizers) && f in oldObject.metadata.finalizers))",
        "keeps it from being removed",
    ),
    Rule(
        "annotation",
        "!has(object.metadata.annotations) || object.metadata.annotations.all(k, "
        + " && ".join(f"!k.startsWith('{guard}')" for guard in _GUARDS)
        + ")",
        "takes off a guard, or calls a pod a static one",
    ),
)
"""What metadata says beside a name."""
