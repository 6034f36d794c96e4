"""Edits and upgrades in a bucket: under conditions, over the same chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyramid
from pyramid.editing import documents
from pyramid.stores import open_objects
from tests.support.servers.service import Service

IMAGE = np.random.default_rng(4).integers(0, 4000, (3, 200, 180), "uint16")


def test_a_document_is_replaced_unless_another_program_did(s3: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    url, options = s3.url("edited.ome.zarr"), s3.storage_options
    pyramid.convert(IMAGE, url, axes="zyx", storage_options=options)
    assert pyramid.edit(url, name="new", storage_options=options).documents == 1
    assert pyramid.open(url, options).name == "new"
    check = documents._check_unchanged

    def late(objects: Any, change: documents.Change) -> None:
        """Let another program write after the check, so that only the condition of the request can notice."""
        check(objects, change)
        objects.put(change.key, (change.before or b"") + b"\n")

    monkeypatch.setattr(documents, "_check_unchanged", late)
    with pytest.raises(pyramid.TargetError, match="another program"):
        pyramid.edit(url, name="lost", storage_options=options)
    assert pyramid.open(url, options).name == "new"


def test_an_image_in_a_bucket_is_upgraded_and_its_chunks_stay(s3: Service) -> None:
    url, options = s3.url("upgraded.ome.zarr"), s3.storage_options
    pyramid.convert(IMAGE, url, axes="zyx", ome_zarr_version="0.4", storage_options=options)
    before = s3.objects("upgraded.ome.zarr")
    pyramid.upgrade(url, to="0.6", storage_options=options)
    after = s3.objects("upgraded.ome.zarr")
    assert {key for key in before if key not in after} == {key for key in before if "/.z" in f"/{key}"}
    assert all(after[key] == body for key, body in before.items() if key in after)
    np.testing.assert_array_equal(pyramid.open(url, options).levels[0].data.compute(), IMAGE)
    assert open_objects(url, options).get(".zattrs") is None
