"""Builds the images and tools of the lab's cluster from package registries, each step cached by its inputs."""
