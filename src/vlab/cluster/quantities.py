"""Kubernetes' quantities as numbers."""

from decimal import Decimal

from vlab.cluster.official import without_models


def number(quantity: object) -> Decimal:
    """What "500m", "14Gi" or 2 is; 0 if it is none."""
    without_models()
    from kubernetes.utils.quantity import parse_quantity  # late: it brings the client

    try:
        found: Decimal = parse_quantity(str(quantity))
    except ValueError:
        return Decimal(0)
    return found
