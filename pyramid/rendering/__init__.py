"""Pixels as they are seen: planes of channels blended into a picture."""
