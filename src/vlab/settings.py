"""What every exercise is called by, unless the command line says otherwise."""

NAMESPACE = "llm-demo"
SYSTEM = "vlab-system"
"""The namespace of vlab's own parts in a cluster."""
SERVICE = "vllm-server"
PORT = 8000
"""The address that every brief names: clients send to it, and what is judged begins there."""
GPU = "nvidia.com/gpu"

ENGINE_CORE = "VLLM::EngineCor"
"""The process that holds the model, by as much of its name as Linux keeps."""

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "vlab.dev/instance"
SCENARIO = "vlab.dev/scenario"
LEARNER = "vlab.dev/learner"
NAMED_ITS_NODE = "vlab.dev/named-its-node"
"""In evidence, on a pod: not the scheduler chose its node."""
CLASS = "vlab.dev/class"
"""On all that belongs to a class: its uid. What is applied in a namespace that has it the cluster holds to a policy."""
EXERCISE = "vlab.dev/exercise"
"""On a namespace: the exercise's own namespace, to which this one belongs."""
