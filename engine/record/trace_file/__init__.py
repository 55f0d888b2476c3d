"""A trace in a file, without pickle: the container, the tensors, the manifest, and reading them back.

``engine.export.save_trace`` writes such a file whole or not at all; ``read_trace.open_trace`` opens it.
"""
