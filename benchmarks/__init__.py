"""Programs that make the inputs, run ome-pyramid and its peers on them, and write the tables."""
