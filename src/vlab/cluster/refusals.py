"""What it means when the cluster's API says no, or says nothing."""

import json
from http import HTTPStatus
from typing import Any

from vlab.errors import Exit, LabError


class ApiError(LabError):
    """The API refused: `status` is HTTP's, `reason` Kubernetes' (NotFound, AlreadyExists, Invalid, Forbidden ...)."""

    def __init__(self, message: str, hint: str, status: int, reason: str) -> None:
        super().__init__(message, hint, Exit.NO_LAB)
        self.status = status
        self.reason = reason


class NoAnswer(LabError):
    """The API could not be asked: no connection, no answer in time, or one too long."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "`vlab status` says how the cluster is; `vlab up` mends a lab's own", Exit.NO_LAB)


def refusal(error: Any) -> ApiError:
    """The client's ApiException, in the words of the API's Status object."""
    try:
        status = json.loads(error.body)
    except (TypeError, ValueError):
        status = {}
    message = str(status.get("message") or error.reason)
    hint = "`vlab kubectl` shows what is there"
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        hint = "ask whoever runs the cluster for this right, or take a cluster of your own: `vlab up`"
    return ApiError(f"the cluster refused: {message}", hint, error.status, str(status.get("reason", "")))
