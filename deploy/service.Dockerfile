# One image per service: `docker build -f deploy/service.Dockerfile --build-arg SERVICE=auth .`
# SERVICE=cartulary makes the operators' tool. BuildKit and the classic builder both take it.
#
# Where pip needs a mirror: `--build-arg PIP_INDEX_URL=…`. Such arguments show in the history of the
# stage that uses them, which is not part of the image; unset, pip has its own way.

ARG PYTHON_IMAGE=python:3.11-slim

# Only what follows from this stage is copied on, so that a changed source installs nothing anew.
FROM ${PYTHON_IMAGE} AS members
ARG SERVICE
WORKDIR /repository
COPY requirements.lock ./
COPY deploy/image deploy/image
COPY libs libs
COPY services services
COPY tools tools
RUN python deploy/image/members.py "$SERVICE" /members

FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
RUN python -m venv /app
COPY deploy/image/install_locked.py /
COPY --from=members /members/locked /locked
RUN python /install_locked.py /locked /app/bin/pip
COPY --from=members /members/sources /sources
RUN PATH=/app/bin:$PATH pip wheel --quiet --no-deps --no-build-isolation --no-index \
      --wheel-dir /wheels /sources/* \
 && /app/bin/pip install --quiet --no-deps --no-index /wheels/* \
 && /app/bin/pip uninstall --quiet --yes uv-build setuptools pip

FROM ${PYTHON_IMAGE}
ARG SERVICE
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin cartulary \
 && mkdir -p /var/lib/cartulary/backups /var/lib/cartulary/files /var/lib/cartulary/mail \
 && chown -R cartulary:cartulary /var/lib/cartulary
COPY --from=build /app /app
# the root may be read-only: nothing is written but files, backups, and mails that no server takes
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SERVICE=$SERVICE HOST=0.0.0.0 PORT=8000 OPERATIONS_PORT=9000 \
    HEALTH_URL=http://127.0.0.1:8000/readyz
WORKDIR /var/lib/cartulary
USER 10001:10001
EXPOSE 8000 9000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
  CMD ["python", "-m", "common.health_check"]
# exec: SIGTERM must reach Python, which drains
CMD exec python -m "$SERVICE.main"
