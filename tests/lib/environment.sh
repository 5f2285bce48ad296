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
  libmicrohttpd-dev libmimalloc-dev
)
test_packages=(python3-venv zookeeper default-jre-headless clang libclang-rt-dev clang-format clang-tidy shellcheck curl git procps)

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

# make_venv DIRECTORY REQUIREMENTS: a Python with these packages
make_venv() {
  local directory=$1 wanted=$2
  if ! cmp -s "$wanted" "$directory/requirements.txt"; then
    say "installing the packages of $wanted"
    /usr/bin/python3 -m venv --clear "$directory" &&
      "$directory/bin/pip" install -q --disable-pip-version-check -r "$wanted" &&
      cp "$wanted" "$directory/requirements.txt"
  fi
}

# build_binaries DIRECTORY TARGETS... -- CMAKE-OPTIONS...: one after the other in a directory, whoever asks
build_binaries() {
  local directory=$1 targets=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    targets+=("$1")
    shift
  done
  shift || true
  mkdir -p "$directory"
  (
    flock 9
    cmake -G Ninja -S "$root" -B "$directory" -DCMAKE_BUILD_TYPE=RelWithDebInfo "$@" >"$directory/cmake.log" 2>&1 || {
      tail -20 "$directory/cmake.log" >&2
      exit 1
    }
    cmake --build "$directory" --target "${targets[@]}"
  ) 9>"$directory/lock"
}

# A Kubernetes with the operator's image and OpenMLDB's stand-in in the versions of demo and tests.
prepare_cluster() {
  install_packages "${build_packages[@]}" "${test_packages[@]}" &&
    make_venv "$venv" "$root/tests/e2e/requirements.txt" &&
    "$devcluster" build &&
    say "building the operator and the stand-in" &&
    build_binaries "$build" openmldb-operator openmldb-operator-next openmldb_standin &&
    "$devcluster" up &&
    make_images
}

# A directory of its own for each run: another checkout may be making its images at the same time.
make_images() {
  local context result=0
  context=$(mktemp -d "$cache/images.XXXXXX") || return
  make_images_in "$context" || result=$?
  rm -rf "$context"
  return "$result"
}

# image NAME:TAG DOCKERFILE OPTIONS...: from what make_images_in gathered in $context
image() {
  "$devcluster" image "$1" "$2" "$context" "${@:3}"
}

make_images_in() {
  local context=$1 standin=$root/tests/simulator/Dockerfile
  mkdir -p "$context/next" &&
    # The names of functions stay, for the stack that a crash leaves.
    strip --strip-debug -o "$context/openmldb-operator" "$build/operator/openmldb-operator" &&
    strip --strip-debug -o "$context/next/openmldb-operator" "$build/tests/e2e/openmldb-operator-next" &&
    strip --strip-debug -o "$context/openmldb" "$build/tests/simulator/server/openmldb" &&
    install "$root/tests/simulator/image/taskmanager.sh" "$context/taskmanager.sh" &&
    "$devcluster" image zookeeper:3.8 "$root/tests/devcluster/images/zookeeper/Dockerfile" \
      "$root/tests/devcluster/images/zookeeper" &&
    image openmldb-operator:dev "$root/Dockerfile" --target prebuilt &&
    # Its pod templates are others: what a later version of the operator may do.
    "$devcluster" image openmldb-operator:next "$root/Dockerfile" "$context/next" --target prebuilt &&
    image openmldb-standin:0.9.1 "$standin" --build-arg VERSION=0.9.1 &&
    image openmldb-standin:0.9.2 "$standin" --build-arg VERSION=0.9.2 &&
    # Its servers report another version than the image's tag says.
    image openmldb-standin:0.9.8 "$standin" --build-arg VERSION=0.9.1
}
