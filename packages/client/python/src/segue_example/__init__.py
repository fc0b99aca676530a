"""A client of a Segue cluster in Python, on the stubs of its protos: an example to copy from."""
