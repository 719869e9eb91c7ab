"""Grading in Kubernetes Jobs on the class's own cluster, where one machine is outgrown.

`parcel` packs what a grader's pod is given, `pod` runs there, `run` makes the Job, waits, and fetches what came of it.
"""
