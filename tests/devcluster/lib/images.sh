# Container images without a registry: a base made of Debian packages, builds by buildah, and
# archives that are handed to the node's containerd.

pause_image=openmldb.ai/devcluster/pause:1
base_image=docker.io/library/debian:bookworm-slim
images=$cache/images

builder() {
  buildah --root "$images/storage" --runroot "$images/run" --storage-driver overlay "$@"
}

# The name in full, as every tool but the one that wrote it wants it.
full_image_name() {
  case $1 in
    *.*/* | *:*/* | localhost/*) echo "$1" ;;
    */*) echo "docker.io/$1" ;;
    *) echo "docker.io/library/$1" ;;
  esac
}

# build_pause_image DIRECTORY ARCHIVE: the directory holds the program.
build_pause_image() {
  mkdir -p "$images"
  builder bud --quiet --isolation chroot --tag "$pause_image" \
    --file "$here/images/pause/Dockerfile" "$1" >/dev/null
  builder push --quiet "$pause_image" "docker-archive:$2:$pause_image"
}

# Where this machine gets Debian's packages from, as lines of sources.list.
apt_sources() {
  [[ -n $(apt-get indextargets 'Created-By: Packages') ]] || apt-get update -qq
  # shellcheck disable=SC2016 # apt's own
  apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | grep -w 'bookworm\(-[a-z]*\)\?' | sort -u
}

# The proxy that this machine's apt uses, if any: needed in builds, but not to stay in images.
write_apt_proxy() {
  apt-config dump --no-empty --format '%f "%v";%n' Acquire | grep -i '::proxy' >"$1" || rm -f "$1"
}

# What everybody else pulls from a registry. Documentation goes, as there; apt keeps no archives.
build_base_image() {
  local root mirror container
  ! builder inspect --type image "$base_image" >/dev/null 2>&1 || return 0
  say "making $base_image"
  mirror=$(apt_sources | awk '$3 == "bookworm" { print $2; exit }')
  root=$(mktemp -d "$cache/new.XXXXXX")
  debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$images/debootstrap.log" ||
    die "debootstrap failed; see $images/debootstrap.log"
  apt_sources >"$root/etc/apt/sources.list"
  cat >"$root/etc/apt/apt.conf.d/docker-image" <<'EOF'
Acquire::Languages "none";
DPkg::Post-Invoke {"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true";};
EOF
  cat >"$root/etc/dpkg/dpkg.cfg.d/docker-image" <<'EOF'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
EOF
  rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
    "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/usr/share/{info,locale}/*
  container=$(builder from scratch)
  builder add --quiet "$container" "$root" / >/dev/null
  builder config --cmd bash \
    --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  builder commit --quiet --rm "$container" "$base_image" >/dev/null
  rm -rf --one-file-system "$root"
}

# image_build NAME:TAG DOCKERFILE CONTEXT [BUILDAH-OPTION...]
image_build() {
  (($# >= 3)) || die 'usage: devcluster image NAME:TAG DOCKERFILE CONTEXT [BUILDAH-OPTION...]'
  local image file=$2 context=$3 id archive proxy=$images/apt-proxy.conf
  image=$(full_image_name "$1")
  archive=$images/$(tr '/:' '__' <<<"$image").tar
  shift 3
  needs_root
  install_packages
  mkdir -p "$images"
  exclusively images
  build_base_image
  write_apt_proxy "$proxy"
  [[ ! -e $proxy ]] || set -- --volume "$proxy:/etc/apt/apt.conf.d/zz-proxy:ro" "$@"
  builder bud --layers --pull-never --isolation chroot --network host --format docker \
    --tag "$image" --file "$file" "$@" "$context" >&2
  id=$(builder inspect --type image --format '{{.FromImageID}}' "$image")
  if [[ ! -e $archive || $(cat "$archive.id" 2>/dev/null) != "$id" ]]; then
    rm -f "$archive" "$archive.id"
    builder push --quiet "$image" "docker-archive:$archive:$image"
    echo "$id" >"$archive.id"
  fi
  ! node_is_running || node_has_image "$image" "$id" || image_load "$archive"
}

# Whether that name stands for that content in the node, which lists an image by both.
node_has_image() {
  in_node ctr --namespace k8s.io images list "name==$1" "name==sha256:$2" |
    awk 'NR > 1 { seen++; digests[$3] } END { exit !(seen == 2 && length(digests) == 1) }'
}

# image_load ARCHIVE...: what had the same name before loses it.
image_load() {
  local archive
  (($#)) || die 'which archives?'
  needs_root
  node_is_running || die "$name is not up"
  for archive in "$@"; do
    in_node ctr --namespace k8s.io images import - <"$archive" >/dev/null
    say "loaded $archive"
  done
}

image_list() {
  node_is_running || die "$name is not up"
  in_node ctr --namespace k8s.io images list --quiet | grep -v '^sha256:\|@sha256:'
}
