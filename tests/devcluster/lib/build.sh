# Builds the programs of the cluster, once for every version of their sources.

kubernetes_version=$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$here/go/node/go.mod")
helm_version=$(sed -n 's/^\thelm.sh\/helm\/v4 \(v[0-9.]*\).*$/\1/p' "$here/go/helm/go.mod")

# What the one binary is called as; see go/node/main.go.
node_programs=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl
  coredns volume-provisioner)

build_hash=$(cd "$here" && cat go/*/go.mod go/*/go.sum go/*/*.go go/*/*/*.go lib/build.sh \
  images/pause/Dockerfile | sha256sum | cut -c 1-16)
built=$cache/$build_hash
bin=$built/bin

# build_binary GO MODULE PACKAGE OUTPUT [LINKER-FLAG...]
build_binary() {
  local go=$1 module=$2 package=$3 output=$4
  shift 4
  say "building $(basename "$output")"
  (cd "$here/go/$module" &&
    CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false -mod=readonly' GOTOOLCHAIN=local GOWORK=off \
      nice "$go" build -ldflags "-s -w $*" -o "$output" "$package")
}

# Takes some 20 CPU-minutes the first time; Go's own cache makes it a link for changed sources.
build_everything() {
  [[ -d $built ]] && return
  local go program new version=k8s.io/component-base/version
  exclusively build
  [[ -d $built ]] && return
  install_packages
  go=$(find_go)
  mkdir -p "$cache"
  new=$(mktemp -d "$cache/new.XXXXXX")
  # shellcheck disable=SC2064 # the variable is gone when the trap is
  trap "rm -rf '$new'" EXIT
  build_binary "$go" node . "$new/bin/node" "-X $version.gitVersion=$kubernetes_version" \
    "-X $version.gitMajor=1 -X $version.gitMinor=$(cut -d. -f2 <<<"$kubernetes_version")" \
    "-X $version.gitTreeState=clean"
  for program in "${node_programs[@]}"; do ln -s node "$new/bin/$program"; done
  build_binary "$go" helm helm.sh/helm/v4/cmd/helm "$new/bin/helm" \
    "-X helm.sh/helm/v4/internal/version.version=$helm_version"
  build_binary "$go" node ./pause "$new/pause/pause"
  build_pause_image "$new/pause" "$new/pause.tar"
  chmod 755 "$new"
  mv "$new" "$built"
  trap - EXIT
  say "built in $built"
  remove_old_builds
}

# A cluster that runs may still need one of the builds before; older ones can go.
remove_old_builds() {
  local old
  find "$cache" -mindepth 1 -maxdepth 1 -type d -regex '.*/[0-9a-f]+' -printf '%T@ %p\n' |
    sort -rn | tail -n +4 | while read -r _ old; do rm -rf "$old"; done
}
