"""Write the table of OME's schema that the package checks OME-XML by, from the schema itself.

``python .ci/ome_schema.py`` writes ``pyramid/data/ome-2016-06.json``; a test compares the two.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SCHEMA = ROOT / "tests" / "data" / "ome-xml" / "ome-2016-06.xsd"
FILE = ROOT / "pyramid" / "data" / "ome-2016-06.json"
XSD = "{http://www.w3.org/2001/XMLSchema}"
# A part of the pattern of an ID that takes exponential time, and one for the same texts that does not.
SLOW, QUICK = r"([\w\-\.]+\.[\w\-\.]+)+", r"[\w\-\.]+\.[\w\-\.]+"
# Facets of a simple type, by the name that the table gives them.
FACETS = {"minInclusive": "min", "minExclusive": "above", "maxInclusive": "max", "length": "length"}


class Schema:
    """The named parts of the schema, and the table that is made of them."""

    def __init__(self, root: ET.Element) -> None:
        self.named = {
            kind: {item.get("name", ""): item for item in root.findall(f"{XSD}{kind}")}
            for kind in ("element", "complexType", "simpleType")
        }
        self.types: dict[str, dict[str, Any]] = {}
        self.elements: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, list[str]] = {}
        for name, item in self.named["element"].items():
            if group := item.get("substitutionGroup"):
                self.groups.setdefault(group, []).append(name)

    def simple_type(self, holder: ET.Element, key: str) -> str:
        """Note the simple type of an attribute or element, and return its name in the table."""
        inline = holder.find(f"{XSD}simpleType")
        given = (holder.get("type") or "xsd:string").rpartition(":")
        if inline is None and given[0] == "xsd":
            return given[2]
        name = key if inline is not None else given[2]
        if name not in self.types:
            self.types[name] = {}
            self.types[name] = self._facets(self.named["simpleType"][name] if inline is None else inline, key)
        return name

    def _facets(self, item: ET.Element, key: str) -> dict[str, Any]:
        restriction = item.find(f"{XSD}restriction")
        if restriction is None:
            listed = item.find(f"{XSD}list/{XSD}simpleType")
            assert listed is not None
            return {**self._facets(listed, key), "list": True}
        base = (restriction.get("base") or "").rpartition(":")
        found: dict[str, Any] = {"base": base[2]}
        if base[0] != "xsd" and base[2] in self.named["simpleType"]:
            found = self._facets(self.named["simpleType"][base[2]], key)
        for facet, name in FACETS.items():
            for value in restriction.findall(f"{XSD}{facet}"):
                found[name] = float(value.get("value", "0"))
        patterns = [value.get("value", "").replace(SLOW, QUICK) for value in restriction.findall(f"{XSD}pattern")]
        values = [value.get("value", "") for value in restriction.findall(f"{XSD}enumeration")]
        return found | ({"pattern": "|".join(patterns)} if patterns else {}) | ({"values": values} if values else {})

    def element(self, key: str, item: ET.Element) -> None:
        """Note an element, and those that are declared in it."""
        if key in self.elements:
            return
        entry = self.elements[key] = {"attributes": {}, "slots": [], "text": None, "any": False}
        body = item.find(f"{XSD}complexType")
        name = (item.get("type") or "").rpartition(":")[2]
        if body is None and name in self.named["complexType"]:
            body = self.named["complexType"][name]
        if body is None:
            entry["text"] = self.simple_type(item, key)
        else:
            self._complex(key, entry, body)

    def _complex(self, key: str, entry: dict[str, Any], body: ET.Element) -> None:
        for content in (*body.findall(f"{XSD}complexContent"), *body.findall(f"{XSD}simpleContent")):
            extension = content.find(f"{XSD}extension")
            assert extension is not None
            base = (extension.get("base") or "").rpartition(":")[2]
            if content.tag.endswith("simpleContent"):
                entry["text"] = (
                    self.simple_type(ET.Element("x", {"type": extension.get("base") or ""}), key)
                    if base in self.named["simpleType"]
                    else base
                )
            else:
                self._complex(key, entry, self.named["complexType"][base])
            self._complex(key, entry, extension)
        for attribute in body.findall(f"{XSD}attribute"):
            kind = self.simple_type(attribute, f"{key}@{attribute.get('name')}")
            entry["attributes"][attribute.get("name")] = [kind, int(attribute.get("use") == "required")]
        for particle in body:
            if particle.tag in (f"{XSD}sequence", f"{XSD}choice"):
                self._particle(key, entry, particle)

    def _particle(self, key: str, entry: dict[str, Any], particle: ET.Element) -> None:
        if particle.tag == f"{XSD}choice" and particle.find(f"{XSD}sequence") is None:
            names: dict[str, str] = {}
            most = [_most(particle)]
            for child in particle:
                names |= self._names(key, child)
                most.append(_most(child))
            least = min(int(particle.get("minOccurs", "1")), 1)
            entry["slots"].append([names, least, -1 if -1 in most else max(most)])
            return
        for child in particle:
            if child.tag in (f"{XSD}sequence", f"{XSD}choice"):
                self._particle(key, entry, child)
            elif child.tag == f"{XSD}any":
                entry["any"] = True
            elif child.tag == f"{XSD}element" and particle.tag != f"{XSD}choice":
                entry["slots"].append([self._names(key, child), int(child.get("minOccurs", "1")), _most(child)])

    def _names(self, key: str, child: ET.Element) -> dict[str, str]:
        """Return the elements that one place may hold, each with its key in the table."""
        if child.tag != f"{XSD}element":
            return {}
        ref = (child.get("ref") or "").rpartition(":")[2]
        if ref:
            names = self.groups.get(ref, [ref])
            for name in names:
                self.element(name, self.named["element"][name])
            return {name: name for name in names}
        name = child.get("name", "")
        local = f"{key}/{name}"
        self.element(local, child)
        return {name: local}


def _most(item: ET.Element) -> int:
    most = item.get("maxOccurs", "1")
    return -1 if most == "unbounded" else int(most)


def _definers(root: ET.Element, schema: Schema) -> Iterator[str]:
    """Yield the elements whose ID is the one that others refer to."""
    for key in root.iter(f"{XSD}key"):
        selector = key.find(f"{XSD}selector")
        assert selector is not None
        for path in (selector.get("xpath") or "").split("|"):
            name = re.sub(r"\w+:", "", path).rpartition("/")[2]
            if name == "*":
                yield from schema.elements["StructuredAnnotations"]["slots"][0][0]
            elif not name.endswith("Ref"):
                yield name


def make_table() -> str:
    """Return the table as JSON."""
    root = ET.parse(SCHEMA).getroot()
    schema = Schema(root)
    schema.element("OME", schema.named["element"]["OME"])
    definers = sorted(set(_definers(root, schema)))
    table = {"types": schema.types, "elements": schema.elements, "definers": definers}
    return json.dumps(table, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(make_table(), encoding="utf-8")
