# The first stage installs, the second runs: it has no compiler, no pip cache and no root.
FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.lock .
RUN /opt/venv/bin/pip install --require-hashes --requirement requirements.lock

FROM python:3.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DEBUG=False LOG_FORMAT=json
RUN groupadd --system --gid 10001 chargeshare && useradd --system --uid 10001 --gid chargeshare --no-create-home chargeshare
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/chargeshare
COPY . .
# Style and scripts are hashed and compressed here; the key of this one command protects nothing and stays in no image layer's settings.
RUN SECRET_KEY=used-while-the-image-is-built-and-never-again ENV_FILE= python manage.py collectstatic --noinput --verbosity 0 \
 && install --directory --owner chargeshare --group chargeshare var var/spool var/media var/diagnostics
USER 10001:10001
VOLUME ["/srv/chargeshare/var/spool", "/srv/chargeshare/var/media", "/srv/chargeshare/var/diagnostics"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
