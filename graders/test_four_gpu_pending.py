"""four-gpu-pending: what every exercise promises is all that is asked; see shared/serving.py, gpu.py and memory.py."""
