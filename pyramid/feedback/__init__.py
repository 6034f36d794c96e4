"""Progress, notices and the log: the words of a run while it goes."""
