# Everything that demo and tests need on a bare Debian bookworm machine, each made once and kept outside the checkout.
# Sourced; `root` is the checkout.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${OMDB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/openmldb-operator}
build=${OMDB_BUILD:-$root/build}
venv=$cache/venv
devcluster=$root/tests/devcluster/devcluster
# Objects are found again from another checkout.
export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache} CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
mkdir -p "$cache"

# The packages of the build, in the order of the README's list.
build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libcpprest-dev libyaml-cpp-dev libzookeeper-mt-dev libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev
  protobuf-compiler libabsl-dev libgtest-dev libgmock-dev nlohmann-json3-dev libspdlog-dev libssl-dev libgflags-dev
  libmicrohttpd-dev
)
test_packages=(python3-venv zookeeper default-jre-headless clang-format clang-tidy procps)

say() { printf '\n== %s\n' "$*" >&2; }

install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$cache/apt.log" 2>&1 || {
    tail -20 "$cache/apt.log" >&2
    return 1
  }
}

# Python with OpenMLDB's own SDK.
make_venv() {
  local wanted="$root/tests/e2e/requirements.txt"
  if ! cmp -s "$wanted" "$venv/requirements.txt"; then
    say "installing OpenMLDB's SDK and the test tools into $venv"
    /usr/bin/python3 -m venv --clear "$venv" &&
      "$venv/bin/pip" install -q --disable-pip-version-check -r "$wanted" &&
      cp "$wanted" "$venv/requirements.txt"
  fi
}

# build_binaries DIRECTORY TARGETS... -- CMAKE-OPTIONS...
build_binaries() {
  local directory=$1 targets=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    targets+=("$1")
    shift
  done
  shift || true
  cmake -G Ninja -S "$root" -B "$directory" -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" >"$cache/cmake.log" 2>&1 || {
    tail -20 "$cache/cmake.log" >&2
    return 1
  }
  cmake --build "$directory" --target "${targets[@]}"
}

# A Kubernetes with the operator's image and OpenMLDB's stand-in in the versions of demo and tests.
prepare_cluster() {
  install_packages "${build_packages[@]}" "${test_packages[@]}" &&
    make_venv &&
    "$devcluster" build &&
    say "building the operator and the stand-in" &&
    build_binaries "$build" openmldb-operator openmldb_standin &&
    "$devcluster" up &&
    make_images
}

# image NAME:TAG DOCKERFILE OPTIONS...: from what make_images gathered
image() {
  "$devcluster" image "$1" "$2" "$cache/images" "${@:3}"
}

make_images() {
  local context=$cache/images standin=$root/tests/simulator/Dockerfile
  rm -rf "$context" && mkdir -p "$context" &&
    install -s "$build/operator/openmldb-operator" "$context/openmldb-operator" &&
    install -s "$build/tests/simulator/server/openmldb" "$context/openmldb" &&
    install "$root/tests/simulator/image/taskmanager.sh" "$context/taskmanager.sh" &&
    "$devcluster" image zookeeper:3.8 "$root/tests/devcluster/images/zookeeper/Dockerfile" \
      "$root/tests/devcluster/images/zookeeper" &&
    image openmldb-operator:dev "$root/Dockerfile" --target prebuilt &&
    image openmldb-standin:0.9.1 "$standin" --build-arg VERSION=0.9.1 &&
    image openmldb-standin:0.9.2 "$standin" --build-arg VERSION=0.9.2 &&
    # Its servers report another version than the image's tag says.
    image openmldb-standin:0.9.8 "$standin" --build-arg VERSION=0.9.1
}
