"""Small TIFFs of each kind that people have, made by their writers or by their public descriptions."""
