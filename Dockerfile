# One image for every service of docker-compose.yml: Airflow, dbt and this project, as a user without rights.
FROM python:3.11.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 UV_LINK_MODE=copy
RUN pip install uv==0.8.22 && uv venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# for other executors and logins (docs/scaling.md)
ARG EXTRA_PACKAGES=""
# hadolint ignore=SC2086
RUN uv pip install --no-cache --compile-bytecode --python /opt/venv -r /tmp/requirements.txt ${EXTRA_PACKAGES}

FROM python:3.11.13-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/attribution \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# The folders that volumes are laid over belong to the user: a fresh volume takes that from them.
RUN groupadd --gid 50000 attribution \
    && useradd --uid 50000 --gid 50000 --no-create-home --home-dir /var/lib/attribution attribution \
    && install -d -o attribution -g attribution /var/lib/attribution /srv/ga4 /run/attribution
COPY --from=build /opt/venv /opt/venv
COPY dags /opt/attribution/dags
COPY plugins /opt/attribution/plugins
COPY include /opt/attribution/include
COPY dbt /opt/attribution/dbt
COPY docs /opt/attribution/docs
WORKDIR /opt/attribution
USER 50000:50000
ENTRYPOINT ["python", "-m", "include.container"]
CMD ["version"]
