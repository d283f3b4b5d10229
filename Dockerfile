# One image for server, worker and simulated gateway: the versions of requirements.lock, not root.
FROM python:3.11-slim
# the system's zone database: the one Python would bring is a year old
RUN apt-get update -q && apt-get install -y -q --no-install-recommends tzdata && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 hydra \
    && install -d -o hydra -g hydra /var/lib/hydra /home/hydra/.prefect
WORKDIR /opt/hydra
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE prefect.yaml ./
COPY hydra ./hydra
COPY flows ./flows
COPY tasks ./tasks
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
COPY docker/entrypoint.sh /usr/local/bin/hydra-entry
ENTRYPOINT ["/usr/local/bin/hydra-entry"]
USER hydra
