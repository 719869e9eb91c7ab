"""Sends load to an OpenAI-compatible endpoint and says what its users and the engine saw."""
