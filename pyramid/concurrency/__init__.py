"""Threads, their cancellation, and the memory that they keep."""
