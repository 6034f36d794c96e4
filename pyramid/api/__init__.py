"""The verbs `convert` and `plan`, and the steps from parsed options to a run."""

from pyramid.api.converting import convert, read_back, run, run_recorded
from pyramid.api.planning import plan, plan_parsed

__all__ = ["convert", "plan", "plan_parsed", "read_back", "run", "run_recorded"]
