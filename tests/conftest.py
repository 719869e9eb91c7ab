"""Every test has folders of its own, unless it is a cluster test: those share one lab and the user's cache."""
