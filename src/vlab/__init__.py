"""vlab: a hands-on lab and auto-grader for serving LLMs with vLLM on Kubernetes."""

__version__ = "0.1.0"
