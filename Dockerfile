# The operator's image.
#   docker build -t openmldb-operator .                                       compiles it
#   docker build -t openmldb-operator --target prebuilt -f Dockerfile DIR     takes DIR/openmldb-operator, built on
#                                                                             Debian bookworm
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      g++ cmake ninja-build pkg-config \
      libcpprest-dev libyaml-cpp-dev libzookeeper-mt-dev libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev \
      protobuf-compiler libabsl-dev nlohmann-json3-dev libspdlog-dev libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY CMakeLists.txt ./
COPY controllers controllers
COPY operator operator
RUN cmake -G Ninja -S . -B /build -DCMAKE_BUILD_TYPE=RelWithDebInfo -DOMDB_BUILD_TESTS=OFF \
 && cmake --build /build --target openmldb-operator \
 && mkdir /out \
 && strip --strip-debug -o /out/openmldb-operator /build/operator/openmldb-operator

# Only what the binary is linked with, and the authorities for API servers with public certificates.
FROM debian:bookworm-slim AS runtime
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libabsl20220623 libcpprest2.10 libfmt9 libgrpc++1.51 libprotobuf32 libspdlog1.10 libssl3 \
      libyaml-cpp0.7 libzookeeper-mt2 \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*
ENTRYPOINT ["/usr/local/bin/openmldb-operator"]

FROM runtime AS prebuilt
COPY openmldb-operator /usr/local/bin/openmldb-operator
RUN ldd /usr/local/bin/openmldb-operator | grep 'not found' && exit 1 || exit 0
USER 65532:65532

FROM runtime
COPY --from=build /out/openmldb-operator /usr/local/bin/openmldb-operator
RUN ldd /usr/local/bin/openmldb-operator | grep 'not found' && exit 1 || exit 0
USER 65532:65532
