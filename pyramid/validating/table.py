"""All rules in one table, and their application to one group."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pyramid.validating.arrays import ARRAY_RULES
from pyramid.validating.axes import AXIS_RULES
from pyramid.validating.display import DISPLAY_RULES
from pyramid.validating.field_rows import FIELDS
from pyramid.validating.findings import RuleFinding
from pyramid.validating.images import IMAGE_RULES
from pyramid.validating.placing import PLACING_RULES
from pyramid.validating.plates import PLATE_RULES
from pyramid.validating.rules import KEYS, Breach, Document, Rule
from pyramid.validating.systems import SYSTEM_RULES
from pyramid.validating.transforms import TRANSFORM_RULES
from pyramid.validating.versions import VERSION_RULES

# The most findings of one rule in one group: a plate may break it in each of its wells.
MAX_BREACHES = 100


def _none(document: Document) -> Iterator[Breach]:
    if not any(key in document.content for key in KEYS):
        yield Breach(document.prefix.rstrip("."), f"the group has none of OME-Zarr's keys: {', '.join(KEYS)}")


RULES: tuple[Rule, ...] = (
    Rule("metadata-missing", "error", "metadata", _none, remedy="give the URL of an image, a plate or a collection"),
    *VERSION_RULES,
    *(rule for field in FIELDS for rule in field.rules()),
    *AXIS_RULES,
    *IMAGE_RULES,
    *TRANSFORM_RULES,
    *SYSTEM_RULES,
    *PLATE_RULES,
    *ARRAY_RULES,
    *PLACING_RULES,
    *DISPLAY_RULES,
)


def apply_rules(document: Document) -> Iterator[RuleFinding]:
    """Yield the findings of all rules of a document's version."""
    for rule in RULES:
        if rule.holds(document.version):
            for breach in _breaches(rule, document):
                yield make_finding(rule, document.path, document.version, breach)


def _breaches(rule: Rule, document: Document) -> Iterator[Breach]:
    """Yield the places where a rule is broken, as far as they are listed."""
    try:
        found = iter(rule.check(document))
        yield from itertools.islice(found, MAX_BREACHES)
        if next(found, None) is not None:
            yield Breach("", f"more than {MAX_BREACHES} places break this rule, and the others are not listed")
    except RecursionError:
        yield Breach("", "the metadata is nested too deeply for this rule")


def make_finding(rule: Rule, path: str, version: str, breach: Breach) -> RuleFinding:
    """Return the finding of a broken rule."""
    place, message, remedy = breach
    remedy = remedy or rule.remedy
    return RuleFinding(rule.id, rule.level, path, place, message, remedy, version, rule.link(version))
