"""Write a pyramid: make the target, encode blocks into objects, put them in place, commit the metadata."""
