# Two small images from one build:
#   docker build --target habeas -t habeas .                the command line and the portal
#   docker build --target habeas-worker -t habeas-worker .  the worker
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=0
RUN go build -trimpath -ldflags="-s -w" -o /out/habeas ./starter \
 && go build -trimpath -ldflags="-s -w" -o /out/habeas-worker ./worker

# Certificates for mail and storage over TLS, time zones for letters, and nobody in particular to
# run as. /keys and /blobs belong to that user, so that named volumes put there do too.
FROM debian:12.11-slim AS base
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin habeas \
 && install -d -o habeas -g habeas -m 0700 /keys /blobs
USER 10001:10001
WORKDIR /

FROM base AS habeas-worker
COPY --from=build /out/habeas-worker /usr/local/bin/habeas-worker
EXPOSE 9464
ENTRYPOINT ["habeas-worker"]

FROM base AS habeas
COPY --from=build /out/habeas /usr/local/bin/habeas
EXPOSE 8480
ENTRYPOINT ["habeas"]
CMD ["serve"]
