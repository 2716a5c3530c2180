"""The Merkle ledger: trees, tiles, signed checkpoints, and a verifier that runs alone.

Nothing here imports anything of Remit, only the standard library and `cryptography`, and only by relative imports: an
auditor can copy this folder away, read it, and run `python -m ledger.verify BUNDLE --key KEY` where Remit is not there.
"""
