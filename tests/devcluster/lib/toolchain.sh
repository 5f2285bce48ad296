# What has to be on the machine before anything can be built: Debian packages and a Go toolchain.

# The Go that is fetched where the machine's own is missing or older.
go_version=1.26.8

# install_missing PROGRAM:PACKAGE...: installs the packages whose program is not there.
install_missing() {
  local pair packages=()
  for pair in "$@"; do
    [[ -e ${pair%%:*} ]] || command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
  done
  ((${#packages[@]})) || return 0
  needs_root
  say "installing ${packages[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    "${packages[@]}" >/dev/null
}

install_packages() {
  PATH=$PATH:/usr/sbin:/sbin install_missing \
    containerd:containerd runc:runc /usr/lib/cni/ptp:containernetworking-plugins \
    nft:nftables conntrack:conntrack ip:iproute2 nsenter:util-linux mount:mount \
    buildah:buildah debootstrap:debootstrap openssl:openssl curl:curl \
    /etc/ssl/certs/ca-certificates.crt:ca-certificates
}

# go_is_recent GO: whether that toolchain can build our modules by itself.
go_is_recent() {
  local version
  version=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  version=${version#go}
  [[ $(printf '%s\n' "$go_version" "${version%%[^0-9.]*}" | sort -V | head -n 1) == "$go_version" ]]
}

# Prints a Go that can build our modules. The toolchain is published as a Go module, which any Go
# can fetch and verify: also Debian's, too old to do so by itself. Modules come without mode bits.
find_go() {
  local go fetched=$cache/go-$go_version any_go='' reply module
  for go in "$(command -v go || true)" /usr/local/go/bin/go "$fetched/bin/go"; do
    [[ -x $go ]] || continue
    if go_is_recent "$go"; then
      echo "$go"
      return
    fi
    any_go=$go
  done
  if [[ -z $any_go ]]; then
    install_missing go:golang-go
    any_go=$(command -v go)
  fi
  say "fetching Go $go_version"
  reply=$(cd / && GOFLAGS=-modcacherw GOTOOLCHAIN=local "$any_go" mod download -json \
    "golang.org/toolchain@v0.0.1-go$go_version.linux-$(dpkg --print-architecture)" || true)
  module=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$reply")
  [[ -d $module ]] || die "$any_go could not fetch Go $go_version: $reply"
  mkdir -p "$cache"
  rm -rf "$fetched.new"
  cp -r "$module" "$fetched.new"
  find "$fetched.new/bin" "$fetched.new/pkg/tool" -type f -exec chmod +x {} +
  rm -rf "$fetched" && mv "$fetched.new" "$fetched"
  echo "$fetched/bin/go"
}
