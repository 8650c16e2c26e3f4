FROM debian:12-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-dev python3-venv gcc libc6-dev nettle-dev libopus0 libflac12 espeak-ng \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/telephonist telephonist

WORKDIR /opt/telephonist
COPY requirements.lock pyproject.toml setup.py README.md ./
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY ipc ipc
COPY vault vault
COPY relay relay
COPY recorder recorder
COPY signaling signaling
COPY bench bench
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e .

COPY <<TOML /etc/telephonist.toml
# Every address of the host; set public_address when peers reach it by another one.
[server]
address = "0.0.0.0"
TOML

USER telephonist
VOLUME /var/lib/telephonist
# HTTPS, softphones (WSS), SIP (UDP, TCP), SIP over TLS, RTP, browser media (one port a worker)
EXPOSE 8443/tcp 8444/tcp 5060/udp 5060/tcp 5061/tcp 20000-23999/udp 24000-24031/udp
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD [".venv/bin/telephonist", "health", "--data", "/var/lib/telephonist/data"]
ENTRYPOINT [".venv/bin/telephonist"]
CMD ["serve", "--config", "/etc/telephonist.toml", "--data", "/var/lib/telephonist/data"]
