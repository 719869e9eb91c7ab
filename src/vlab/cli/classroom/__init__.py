"""The verbs of `vlab class`: each is a module here whose `register(app)` adds it."""
