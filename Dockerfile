# Builds and runs Dunning on Debian 12.
#   docker build -t dunning .
#   docker run --rm -v "$PWD/var:/work/var" dunning simulate --home var/dunning
#   docker run --rm -v "$PWD/var:/work/var" dunning run --home var/dunning
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY scripts scripts
RUN scripts/install-packages.sh run
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -buildvcs=false -trimpath -ldflags='-s -w' -o /out/dunning ./cmd/dunning

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
      coinor-libclp1 libxgboost0 ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 dunning
COPY --from=build /out/dunning /usr/local/bin/dunning
USER dunning
WORKDIR /work
EXPOSE 8080
ENTRYPOINT ["dunning"]
CMD ["help"]
