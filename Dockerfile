# One image for server, worker and simulated gateway: the versions of requirements.lock, not root.
FROM python:3.11-slim
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
USER hydra
