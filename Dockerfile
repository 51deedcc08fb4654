# The webhook's image: Node and one bundled file, without a shell or a package manager. `npm run test:image` builds and runs it.
#
# The base images are pinned by digest; of the builder this is the index of all architectures in docker-library/repo-info
# (repos/node, krypton-slim), of the runtime the one that public Dockerfiles of 2026 pin (no registry could be asked here).
# They are arguments: the release workflow takes what the tags mean that day, pins that, and records it in the provenance.
ARG BUILD_IMAGE=docker.io/library/node:24.18.0-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot@sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a

# The bundle is the same for every architecture, so it is built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN npm run build

# The default, said all the same: buildah 1.28 would go on with the platform of the stage before.
FROM --platform=$TARGETPLATFORM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vramgate" \
      org.opencontainers.image.description="Admission webhook that sizes Llama 4 GPU workloads before they are scheduled" \
      org.opencontainers.image.source="https://github.com/vramgate/vramgate" \
      org.opencontainers.image.documentation="https://github.com/vramgate/vramgate#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      dev.vramgate.sbom="/app/sbom.cdx.json"
COPY --from=build /src/dist/vramgate.mjs /src/dist/sbom.cdx.json /src/dist/THIRD-PARTY-LICENSES.txt /app/
USER 65532:65532
EXPOSE 8443 8080
# Reviews leave little behind: a small young generation, and two heaps of malloc instead of eight for each core, take a
# third of the memory that is resident under load away (test/bench/serve.bench.ts).
ENV MALLOC_ARENA_MAX=2
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "/app/vramgate.mjs"]
CMD ["serve"]
