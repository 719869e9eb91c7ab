"""Kubernetes' quantities as numbers."""


def quantity(text: str | int | float) -> float:
    """`500m` is 0.5, `3Gi` is 3221225472.

    Raises:
        ValueError: it is none.
    """
    from kubernetes.utils.quantity import parse_quantity

    return float(parse_quantity(text))
