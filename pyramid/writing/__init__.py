"""Write a pyramid: create the target, encode and write objects, commit metadata."""
