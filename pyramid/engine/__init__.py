"""Run the blocks of a plan on Dask, and report on the run."""
