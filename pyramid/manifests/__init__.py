"""Manifests: the key, the size and the digest of every object of a store."""
