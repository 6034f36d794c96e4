# An image with the command. In a clone:
#     docker build --tag ome-pyramid .
#     docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" ome-pyramid convert cells.tif cells.ome.zarr
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY pyramid ./pyramid
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
# The versions are those of the tests.
COPY constraints-newest.txt /tmp/constraints.txt
COPY --from=build /wheels /wheels
RUN wheel="$(ls /wheels/*.whl)" \
    && python -m pip install --no-cache-dir --constraint /tmp/constraints.txt "${wheel}[distributed,hdf5,vendor,volumes]" \
    && rm -r /wheels /tmp/constraints.txt
# Any user may run it: compiled loops and the like are kept in this folder.
ENV XDG_CACHE_HOME=/tmp/cache
RUN useradd --uid 1000 --create-home pyramid
USER 1000
WORKDIR /work
ENTRYPOINT ["pyramid"]
CMD ["--help"]
