"""The fields of OME-Zarr's groups, a row a field."""

from __future__ import annotations

from pyramid.validating.fields import (
    COLOR,
    COUNT,
    FILLED,
    FLAG,
    INDEX,
    LIST,
    NAME,
    NUMBER,
    OBJECT,
    PATH,
    RGBA,
    TEXT,
    UNIQUE,
    WHOLE,
    Field,
    matching,
    one_of,
)

_UNITS = "correct it with pyramid edit URL --units micrometer"
_WINDOWS = "pyramid edit URL --windows auto writes it"
_RENAME = "give it with pyramid edit URL --name NAME"
_AXIS, _SYSTEM = "multiscales/[]/axes", "multiscales/[]/coordinateSystems"
_DATASET, _CHANNEL = "multiscales/[]/datasets", "omero/channels/[]"
_PLATE, _LABEL = "plate", "image-label"
_ALNUM = matching("[A-Za-z0-9]+", "letters and digits only")
_WELL = matching("[A-Za-z0-9]+/[A-Za-z0-9]+", "ROW/COLUMN")
_FIELD = matching(r"(?!\.+$)(?!__)[A-Za-z0-9_.-]+", "a name of letters, digits, '_', '.' and '-'")

IMAGE_FIELDS = (
    Field("multiscales", UNIQUE),
    Field("multiscales/[]", OBJECT),
    Field("multiscales/[]/version", TEXT, "warning", until="0.4", remedy="write the version there"),
    Field("multiscales/[]/name", TEXT, "warning", remedy=_RENAME),
    Field("multiscales/[]/type", TEXT),
    Field("multiscales/[]/datasets", FILLED, "error"),
    Field(f"{_DATASET}/[]", OBJECT),
    Field(f"{_DATASET}/[]/path", PATH, "error"),
    Field(_AXIS, LIST, "error", "axes-md", since="0.3", until="0.5", remedy="pyramid upgrade URL writes axes"),
    Field(f"{_AXIS}/[]", matching("[tczyx]", "one of t, c, z, y, x"), None, "axes-md", since="0.3", until="0.3"),
    Field(f"{_AXIS}/[]", OBJECT, None, "axes-md", since="0.4", until="0.5"),
    Field(f"{_AXIS}/[]/name", NAME, "error", "axes-md", since="0.4", until="0.5"),
    Field(f"{_AXIS}/[]/type", TEXT, "warning", "axes-md", since="0.4", until="0.5"),
    Field(f"{_AXIS}/[]/unit", TEXT, None, "axes-md", since="0.4", until="0.5", remedy=_UNITS),
    Field(f"{_DATASET}/[]/coordinateTransformations", FILLED, "error", since="0.4", until="0.5"),
    Field("multiscales/[]/coordinateTransformations", FILLED, since="0.4"),
    Field(_SYSTEM, UNIQUE, "error", "coordinate-systems-md", since="0.6"),
    Field(f"{_SYSTEM}/[]", OBJECT, None, "coordinate-systems-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/name", NAME, "error", "coordinate-systems-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes", UNIQUE, "error", "axes-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes/[]", OBJECT, None, "axes-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes/[]/name", NAME, "error", "axes-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes/[]/type", TEXT, "warning", "axes-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes/[]/unit", TEXT, None, "axes-md", since="0.6", remedy=_UNITS),
    Field(f"{_SYSTEM}/[]/axes/[]/discrete", FLAG, None, "axes-md", since="0.6"),
    Field(f"{_SYSTEM}/[]/axes/[]/longName", TEXT, None, "axes-md", since="0.6"),
    Field(f"{_DATASET}/[]/coordinateTransformations", FILLED, "error", "trafo-md", since="0.6"),
)
OMERO_FIELDS = (
    Field("omero", OBJECT, None, "omero-md"),
    Field("omero/channels", LIST, "error", "omero-md"),
    Field(_CHANNEL, OBJECT, None, "omero-md"),
    Field(
        f"{_CHANNEL}/color",
        COLOR,
        "error",
        "omero-md",
        remedy="pyramid edit URL --channel-colors 00FF00,FF00FF corrects it",
    ),
    Field(f"{_CHANNEL}/window", OBJECT, "error", "omero-md", remedy=_WINDOWS),
    *(
        Field(f"{_CHANNEL}/window/{key}", NUMBER, "error", "omero-md", remedy=_WINDOWS)
        for key in ("min", "max", "start", "end")
    ),
    Field(f"{_CHANNEL}/label", TEXT, None, "omero-md", remedy="pyramid edit URL --channel-names NAME,NAME corrects it"),
    Field(f"{_CHANNEL}/family", TEXT, None, "omero-md"),
    Field(f"{_CHANNEL}/active", FLAG, "advice", "omero-md", remedy="write true: some viewers hide the channel"),
    Field("omero/rdefs", OBJECT, "advice", "omero-md", remedy="write rdefs, from which viewers take the first plane"),
)
LABEL_FIELDS = (
    Field("labels", LIST, None, "labels-md"),
    Field("labels/[]", PATH, None, "labels-md"),
    Field(_LABEL, OBJECT, None, "labels-md"),
    Field(f"{_LABEL}/version", TEXT, "warning", "labels-md", until="0.4"),
    Field(f"{_LABEL}/colors", UNIQUE, "warning", "labels-md"),
    Field(f"{_LABEL}/colors/[]", OBJECT, None, "labels-md"),
    Field(f"{_LABEL}/colors/[]/label-value", NUMBER, "error", "labels-md"),
    Field(f"{_LABEL}/colors/[]/rgba", RGBA, None, "labels-md"),
    Field(f"{_LABEL}/properties", UNIQUE, None, "labels-md"),
    Field(f"{_LABEL}/properties/[]", OBJECT, None, "labels-md"),
    Field(f"{_LABEL}/properties/[]/label-value", WHOLE, "error", "labels-md"),
    Field(f"{_LABEL}/source", OBJECT, None, "labels-md"),
    Field(f"{_LABEL}/source/image", TEXT, None, "labels-md"),
)
PLATE_FIELDS = (
    Field(_PLATE, OBJECT, None, "plate-md"),
    Field("plate/version", TEXT, "error", "plate-md", until="0.3"),
    Field("plate/version", TEXT, "warning", "plate-md", since="0.4", until="0.4"),
    Field("plate/name", TEXT, "warning", "plate-md"),
    Field("plate/field_count", COUNT, None, "plate-md"),
    Field("plate/acquisitions", LIST, None, "plate-md"),
    Field("plate/acquisitions/[]", OBJECT, None, "plate-md"),
    Field("plate/acquisitions/[]/id", INDEX, "error", "plate-md"),
    Field("plate/acquisitions/[]/name", TEXT, "warning", "plate-md"),
    Field("plate/acquisitions/[]/maximumfieldcount", COUNT, "warning", "plate-md"),
    Field("plate/acquisitions/[]/starttime", INDEX, None, "plate-md"),
    Field("plate/acquisitions/[]/endtime", INDEX, None, "plate-md"),
    *(
        row
        for key in ("rows", "columns")
        for row in (
            Field(f"plate/{key}", UNIQUE, "error", "plate-md"),
            Field(f"plate/{key}/[]", OBJECT, None, "plate-md"),
            Field(f"plate/{key}/[]/name", NAME, "error", "plate-md", until="0.3"),
            Field(f"plate/{key}/[]/name", _ALNUM, "error", "plate-md", since="0.4"),
        )
    ),
    Field("plate/wells", UNIQUE, "error", "plate-md"),
    Field("plate/wells/[]", OBJECT, None, "plate-md"),
    Field("plate/wells/[]/path", PATH, "error", "plate-md", until="0.3"),
    Field("plate/wells/[]/path", _WELL, "error", "plate-md", since="0.4"),
    Field("plate/wells/[]/rowIndex", INDEX, "error", "plate-md", since="0.4"),
    Field("plate/wells/[]/columnIndex", INDEX, "error", "plate-md", since="0.4"),
)
WELL_FIELDS = (
    Field("well", OBJECT, None, "well-md"),
    Field("well/version", TEXT, "warning", "well-md", until="0.4"),
    Field("well/images", UNIQUE, "error", "well-md"),
    Field("well/images/[]", OBJECT, None, "well-md"),
    Field("well/images/[]/path", PATH, "error", "well-md", until="0.3"),
    Field("well/images/[]/path", _ALNUM, "error", "well-md", since="0.4", until="0.5"),
    Field("well/images/[]/path", _FIELD, "error", "well-md", since="0.6"),
    Field("well/images/[]/acquisition", WHOLE, None, "well-md"),
)
COLLECTION_FIELDS = (
    Field("bioformats2raw.layout", one_of(3), None, "bf2raw"),
    Field("series", FILLED, None, "bf2raw"),
    Field("series/[]", PATH, None, "bf2raw"),
    Field("scene", OBJECT, None, "scene-md", since="0.6"),
    Field("scene/coordinateTransformations", FILLED, "error", "scene-md", since="0.6"),
)
FIELDS = (*IMAGE_FIELDS, *OMERO_FIELDS, *LABEL_FIELDS, *PLATE_FIELDS, *WELL_FIELDS, *COLLECTION_FIELDS)
