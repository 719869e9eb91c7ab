"""What a class lets into its namespaces: one place for each limit, whoever holds the line."""

from functools import cache

from pydantic import BaseModel, ConfigDict

from vlab.pins import pins
from vlab.settings import GPU, NAMESPACE, SYSTEM

SYSTEMS = ("kube-system", "kube-public", "kube-node-lease", SYSTEM)
"""Namespaces that are nobody's of a class, however they are labelled."""


@cache
def known_images() -> tuple[str, ...]:
    """Those that the exercises themselves are made of."""
    known = pins()
    return (
        known.engine.image,
        known.engine.registry_image,
        known.gpu.image,
        known.tools.image,
        known.tools.edge_image,
        "registry.k8s.io/pause:3.10",
    )


class Policy(BaseModel):
    """What may be applied; everything else is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespace: str = NAMESPACE
    """The one into which all of it goes."""
    kinds: tuple[str, ...] = (
        "v1/ConfigMap",
        "v1/Secret",
        "v1/Service",
        "v1/PersistentVolumeClaim",
        "v1/Pod",
        "apps/v1/Deployment",
        "apps/v1/StatefulSet",
        "apps/v1/ReplicaSet",
        "batch/v1/Job",
        "networking.k8s.io/v1/Ingress",
        "networking.k8s.io/v1/NetworkPolicy",
        "policy/v1/PodDisruptionBudget",
        "autoscaling/v2/HorizontalPodAutoscaler",
        "v1/ResourceQuota",
    )
    """apiVersion/kind. The namespace itself may be applied, too, with labels alone."""
    images: tuple[str, ...] = known_images()
    """References of images, as they are written; docker.io/library/ may be left out."""
    volumes: tuple[str, ...] = (
        "configMap",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    )
    """Types of volumes."""
    secret_types: tuple[str, ...] = (
        "Opaque",
        "kubernetes.io/basic-auth",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/tls",
    )
    service_accounts: tuple[str, ...] = ("default",)
    runtime_classes: tuple[str, ...] = ("nvidia",)
    priority_classes: tuple[str, ...] = ()
    storage_classes: tuple[str, ...] = ("standard",)
    ingress_classes: tuple[str, ...] = ()
    """None: no Ingress at all."""
    annotations: tuple[str, ...] = (
        "kubectl.kubernetes.io/",
        "deployment.kubernetes.io/revision",
        "kubernetes.io/change-cause",
        "kubernetes.io/description",
        "pv.kubernetes.io/bind-completed",
        "pv.kubernetes.io/bound-by-controller",
        "volume.beta.kubernetes.io/storage-provisioner",
        "volume.kubernetes.io/selected-node",
        "volume.kubernetes.io/storage-provisioner",
    )
    """Beginnings of those in Kubernetes' own domains that may be there; in other domains any."""
    root: bool = False
    """Whether a container may ask for user 0 by number. What an image says of its user is the image's."""
    resources: dict[str, str] = {
        "cpu": "16",
        "memory": "64Gi",
        "ephemeral-storage": "50Gi",
        GPU: "8",
    }
    """The most that one container may ask for of each; of nothing else anything."""
    claim: str = "100Gi"
    """The most of a volume claim."""
    replicas: int = 8
    """The most of one workload."""
    objects: int = 60
    """The most of a submission."""

    @property
    def every_image(self) -> tuple[str, ...]:
        """References of images, in every way they may be written."""
        short = (i.removeprefix(prefix) for i in self.images for prefix in ("docker.io/library/", "docker.io/"))
        return tuple(dict.fromkeys([*self.images, *short]))

    @property
    def ingress_domain(self) -> str:
        """Under which the hosts of an Ingress are: nobody takes those of others."""
        return f"{self.namespace}.example"
