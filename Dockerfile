# Airflow with this project, for docker-compose.yaml: every service of ours is this image with another command.
# Targets: runtime, and demo, which adds the FileMaker simulator and the synthetic clinic.

FROM python:3.11.14-slim-bookworm AS packages
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.txt /tmp/requirements.txt
RUN uv venv /opt/venv
RUN uv pip install --python /opt/venv/bin/python --require-hashes --compile-bytecode --no-cache -r /tmp/requirements.txt
WORKDIR /opt/nexus-import
COPY pyproject.toml ./
COPY plugins plugins
# installed, so that Airflow knows the connection types of FileMaker; where it lies, so that include/ is found beside it
RUN uv pip install --python /opt/venv/bin/python --no-deps --no-build-isolation --no-cache --editable .

FROM python:3.11.14-slim-bookworm AS runtime
RUN useradd --uid 50000 --home-dir /opt/airflow --create-home airflow
RUN install --directory --owner airflow --group airflow /opt/airflow/logs
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONPATH=/opt/nexus-import
ENV PYTHONDONTWRITEBYTECODE=1
ENV AIRFLOW_HOME=/opt/airflow
WORKDIR /opt/nexus-import
COPY dags dags
COPY plugins plugins
COPY include include
COPY deploy deploy
RUN python -m compileall -q dags plugins deploy
USER airflow
CMD ["airflow", "version"]

FROM runtime AS demo
USER root
COPY local local
RUN python -m compileall -q local
RUN install --directory --owner airflow --group airflow /srv/clinic
USER airflow
