"""Kubernetes' quantities as numbers."""

from decimal import Decimal


def number(quantity: object) -> Decimal:
    """What "500m", "14Gi" or 2 is; 0 if it is none."""
    from kubernetes.utils.quantity import parse_quantity  # late: it brings the whole client

    try:
        found: Decimal = parse_quantity(str(quantity))
    except ValueError:
        return Decimal(0)
    return found
