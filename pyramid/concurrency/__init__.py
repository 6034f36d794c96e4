"""Threads, what ends them, and the memory that they keep."""
