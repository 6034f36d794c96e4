"""obstore's client of one URL: each call is one request with a time limit."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import obstore
import obstore.exceptions as raised
import obstore.store

from pyramid.errors import PyramidError
from pyramid.stores.answers import NO_RANGES, Answer, AnswerError
from pyramid.stores.objects import ABSENT, Version
from pyramid.stores.verdicts import has_no_bucket, has_odd_headers, is_condition, status_of
from pyramid.stores.waiting import guarded, stream, wait_for

ObStore: TypeAlias = "obstore.store.ObjectStore"
# Builds a store whose requests are made once, with a time limit.
Build: TypeAlias = Callable[[Mapping[str, Any]], ObStore]


def bucket_builder(kind: str, bucket: str, path: str, config: Mapping[str, Any], **more: Any) -> Build:
    """Return the function that builds obstore's store of a bucket.

    Parameters
    ----------
    kind
        The name of the class in `obstore.store`.
    bucket, path
        The bucket and the path in it, which may be empty.
    config, more
        The settings of the service, and other arguments of the class.
    """

    def build(settings: Mapping[str, Any]) -> ObStore:
        store: ObStore = getattr(obstore.store, kind)(bucket, prefix=path or None, config=config, **more, **settings)
        return store

    return build


# Keys in one listing or one removal: the most that S3 takes in a request.
PAGE = 1000
# Parts of an upload that are sent at a time, and how often each is sent again: the others need not be.
PARTS_AT_ONCE, PART_RETRIES = 4, 10
# The least size of a piece of a body: large enough that the calls between two pieces cost little.
_PIECE_BYTES = 2**20
# Statuses of refusals whose reason only the body of an answer says.
_UNEXPLAINED = (400, 401, 403)


class Client:
    """A maker of requests through obstore; safe to use from many threads.

    Parameters
    ----------
    build
        Builds obstore's store from settings that all its stores know.
    headers
        Headers that are added to each request.
    allow_http
        Whether requests may be made without TLS.
    explains_head
        Whether a GET of one byte asks for the reason of a HEAD that is refused, since its answer has no body.
    """

    def __init__(self, build: Build, headers: Mapping[str, str], *, allow_http: bool, explains_head: bool) -> None:
        self._explains_head = explains_head
        self._build = build
        self._headers = headers
        self._allow_http = allow_http
        self._stores: dict[tuple[float, int], ObStore] = {}
        self._building = threading.Lock()

    def get(self, key: str, seconds: float, options: obstore.GetOptions, *, in_pieces: bool = False) -> Answer | None:
        """Request an object, a part of it or its headers.

        Returns None if the object is missing.
        """
        store = self._store(seconds)
        try:
            found = wait_for(lambda: obstore.get_async(store, key, options=options))
        except FileNotFoundError as error:
            # obstore raises this for other refusals too, such as 405.
            if status_of(error) == ABSENT and not has_no_bucket(error):
                return None
            raise
        except Exception as error:
            if self._explains_head and "head" in options and status_of(error) in _UNEXPLAINED:
                return self.get(key, seconds, {"range": (0, 1)})
            if "range" in options and has_odd_headers(error):
                raise AnswerError("its answers to ranges cannot be used", status=NO_RANGES) from error
            raise
        meta, about = found.meta, found.attributes
        pieces: Iterable[bytes] = ()
        if in_pieces:
            pieces = stream(found.stream(min_chunk_size=_PIECE_BYTES))
        elif "head" not in options:
            pieces = [wait_for(found.bytes_async).to_bytes()]
        return Answer(
            size_bytes=int(meta["size"]),
            tag=meta["e_tag"],
            changed=str(meta["last_modified"]),
            encoding=str(about.get("Content-Encoding", "")),
            kind=str(about.get("Content-Type", "")),
            pieces=pieces,
            attributes={str(name): str(value) for name, value in about.items()},
        )

    def put(
        self, key: str, body: bytes | memoryview, seconds: float, attributes: Mapping[str, str] | None = None
    ) -> str | None:
        """Store an object in one request, and return its tag."""
        store = self._store(seconds)
        about = dict(attributes) if attributes else None
        return wait_for(lambda: obstore.put_async(store, key, body, use_multipart=False, attributes=about))["e_tag"]

    def put_stream(self, key: str, pieces: Iterable[bytes], seconds: float, part_bytes: int) -> None:
        """Store an object in one upload of parts, which succeeds or fails as a whole."""
        store = self._store(seconds, PART_RETRIES)
        failed: list[BaseException] = []

        def given() -> Iterator[bytes]:
            try:
                yield from pieces
            except BaseException as error:  # the client would make an error of its own of it
                failed.append(error)
                raise

        try:
            upload = obstore.put_async
            wait_for(
                lambda: upload(
                    store, key, given(), use_multipart=True, chunk_size=part_bytes, max_concurrency=PARTS_AT_ONCE
                )
            )
        except Exception as error:
            raise (failed[0] if failed else error) from None

    def put_if(self, key: str, body: bytes, seconds: float, version: Version | None) -> Version | None:
        """Store an object that has this version, or for None, that does not exist.

        Returns its new version, or None if it has another.
        """
        store = self._store(seconds)
        known = {name: value for name, value in (version or {}).items() if value is not None}
        mode: Any = known or "create"
        try:
            made = wait_for(lambda: obstore.put_async(store, key, body, use_multipart=False, mode=mode))
        except (raised.AlreadyExistsError, raised.PreconditionError, raised.NotModifiedError) as error:
            if not is_condition(str(error)):
                raise
            return None
        except FileNotFoundError as error:
            if version is None or has_no_bucket(error):
                raise
            return None
        return {"e_tag": made["e_tag"], "version": made["version"]}

    def version(self, key: str, seconds: float) -> Version | None:
        """Return the version of an object; None if it is missing."""
        store = self._store(seconds)
        try:
            found = wait_for(lambda: obstore.head_async(store, key))
        except FileNotFoundError as error:
            if has_no_bucket(error):
                raise
            return None
        return {"e_tag": found["e_tag"], "version": found["version"]}

    def pages(self, prefix: str, last: str | None, seconds: float) -> AsyncIterable[Any]:
        """List keys that begin with `prefix` and come after `last`."""
        store = self._store(seconds)
        return aiter(obstore.list(store, prefix or None, offset=last, chunk_size=PAGE))

    def delete(self, keys: Sequence[str], seconds: float) -> None:
        """Remove objects.

        Raises FileNotFoundError if one of several is missing and the service says so.
        """
        store = self._store(seconds)
        paths = keys[0] if len(keys) == 1 else list(keys)
        try:
            wait_for(lambda: obstore.delete_async(store, paths))
        except FileNotFoundError as error:
            if len(keys) > 1 or has_no_bucket(error):
                raise

    def _store(self, seconds: float, retries: int = 0) -> ObStore:
        """Return the store whose requests may take `seconds` and are repeated by itself."""
        with self._building:
            if (seconds, retries) not in self._stores:
                self._stores[seconds, retries] = self._made(self._settings(seconds, retries))
            return self._stores[seconds, retries]

    def _made(self, settings: Mapping[str, Any]) -> ObStore:
        """Create a store, without any request.

        If that fails, each further attempt would fail too.
        """
        try:
            return guarded(lambda: self._build(settings))
        except PyramidError:
            raise
        except Exception as error:
            reason = re.sub(r"Generic \w+ error: ", "", " ".join(str(error).partition("\n\nDebug source")[0].split()))
            raise AnswerError(
                f"it cannot be reached with these options or credentials: {reason[:300]}; check the storage options "
                "and the environment"
            ) from error

    def _settings(self, seconds: float, retries: int) -> dict[str, Any]:
        client = {"timeout": timedelta(seconds=seconds), "allow_http": self._allow_http}
        headers = {"default_headers": dict(self._headers)} if self._headers else {}
        return {"client_options": {**client, **headers}, "retry_config": {"max_retries": retries}}
