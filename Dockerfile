# One image for every role: `crosswalk up`, or worker, intake and desk by themselves.
#
#   docker build -t crosswalk .
#   docker run -p 7700:7700 -v crosswalk:/data -v "$PWD/workspace:/workspace:ro" crosswalk
#
# The robots' Chromium keeps its sandbox, for which Docker's default seccomp profile must allow user
# namespaces: --security-opt seccomp=unconfined, or a profile of your own that allows clone and unshare.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -ldflags="-s -w" -o /crosswalk ./cmd/crosswalk

FROM debian:12-slim
RUN apt-get update \
	&& apt-get install -y --no-install-recommends chromium-headless-shell ca-certificates tzdata fonts-dejavu-core tini \
	&& rm -rf /var/lib/apt/lists/* \
	&& useradd --uid 10001 --create-home --shell /usr/sbin/nologin crosswalk \
	&& install -d -o crosswalk -g crosswalk -m 0700 /data \
	&& install -d /workspace
COPY --from=build /crosswalk /usr/local/bin/crosswalk
USER 10001
WORKDIR /workspace
VOLUME /data
STOPSIGNAL SIGTERM
# tini reaps the browsers' helper processes.
ENTRYPOINT ["tini", "--", "crosswalk"]
# The container's own network is what "asked otherwise" means here; publish the port only where it is wanted.
CMD ["up", "--dir", "/workspace", "--data", "/data", "--listen", "0.0.0.0:7700"]
