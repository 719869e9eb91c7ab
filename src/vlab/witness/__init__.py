"""What runs inside the cluster, in the witness pod: asks an exercise's endpoint as clients do, and says what came.

Only the standard library and what the engine's image has (aiohttp, torch, transformers) may be imported here.
"""
