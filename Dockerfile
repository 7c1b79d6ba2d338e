# The binary, in a container that is not root. docs/operations.md says how it is run.

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends musl-tools \
 && rm -rf /var/lib/apt/lists/* \
 && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /source
COPY . .
# What `tranche --version` says: the clone itself is not copied.
ARG COMMIT=unknown
# One static binary, which runs on whatever follows.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    TRANCHE_BUILD_COMMIT="$COMMIT" cargo build --release --locked -p cli --target "$(uname -m)-unknown-linux-musl" \
 && install -D "target/$(uname -m)-unknown-linux-musl/release/tranche" /out/tranche

FROM alpine:3.22
# git finds out which commit a tag names, ssh reaches private repositories, the certificates vouch for Render.
RUN apk add --no-cache ca-certificates git openssh-client-default \
 && adduser -D -u 10001 -h /project tranche \
 && chmod 0700 /project
COPY --from=build /out/tranche /usr/local/bin/tranche
# By number, so that whoever runs it can see that this is not root.
USER 10001:10001
ENV HOME=/project
WORKDIR /project
VOLUME /project
CMD ["tranche", "serve"]
