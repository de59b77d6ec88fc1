# The server in a container: what `make serve` does, without make. How to run it: docs/operations.md.
FROM python:3.11-slim-bookworm AS install
WORKDIR /srv/offbook
RUN python -m venv .venv
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY offbook offbook
RUN .venv/bin/pip install --no-cache-dir -r requirements.txt -e .

# The client makes and restores backups. It must be as new as compose.yaml's server, and no newer: so both are 15.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install --no-install-recommends --yes postgresql-client-15=15.* \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 offbook && useradd --uid 10001 --gid 10001 --no-create-home offbook \
    && install --directory --owner=offbook --group=offbook --mode=700 /data
WORKDIR /srv/offbook
COPY --from=install /srv/offbook/.venv .venv
COPY . .
ENV PATH=/srv/offbook/.venv/bin:$PATH INSTANCE_PATH=/data HOST=0.0.0.0 PORT=5000 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["sh", "-c", "flask db upgrade && exec python asgi.py"]
