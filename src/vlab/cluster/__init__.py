"""The only part of vlab that talks to the Kubernetes API and to container engines."""
