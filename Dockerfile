# One server process. It needs no root and no writable file system but /data, and that only for a SQLite file.
# docs/deploy.md says how to run it; compose.yaml runs two of it on PostgreSQL.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src src
# What is installed is this checkout, which has its version.
# hadolint ignore=DL3013
RUN python -m venv --without-pip /opt/palaver \
    && pip --python /opt/palaver/bin/python install --no-cache-dir ".[faiss,postgres,redis]"

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 palaver \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin palaver \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /opt/palaver /opt/palaver
ENV PATH=/opt/palaver/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PALAVER_STORE=sqlite:////data/palaver.db
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
# Whether the process answers. /readyz also asks the store, which no restart of this process would mend.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"PALAVER_PORT\") or 8000}/healthz', timeout=3)"]
ENTRYPOINT ["palaver"]
CMD ["serve", "--host", "0.0.0.0"]
