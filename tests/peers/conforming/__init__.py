"""A server with everything that the conformance suite asks for, on the protocol's own SDK.

`python -m tests.peers.conforming` serves it at a free port and prints its URL; with `--stdio` it speaks on its
standard streams.
"""
