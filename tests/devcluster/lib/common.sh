# Names and paths that every part uses, and how they talk.

name=${DEVCLUSTER_NAME:-omdb-dev}
[[ $name =~ ^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$ ]] || {
  echo "devcluster: DEVCLUSTER_NAME must be a short DNS label, not \"$name\"" >&2
  exit 2
}

cache=${DEVCLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/openmldb-operator/devcluster}
state=${DEVCLUSTER_STATE:-/var/lib/openmldb-operator-devcluster}/$name
netns=/run/netns/$name
cgroup=openmldb-devcluster-$name # in every cgroup hierarchy
node_name=$name

say() { echo "devcluster: $*" >&2; }

die() {
  say "$*"
  exit 1
}

# until_true SECONDS WHAT CMD...: repeats CMD until it succeeds; says WHAT did not happen in time.
until_true() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((${EPOCHREALTIME/./} + seconds * 1000000))
  until "$@" >/dev/null 2>&1; do
    ((${EPOCHREALTIME/./} < deadline)) || {
      say "$what did not happen within $seconds s"
      return 1
    }
    sleep 0.1
  done
}

# One caller at a time changes the cluster or the cache; the lock ends with the caller.
# What may outlive the caller is started without the descriptor, with `9>&-`.
exclusively() {
  mkdir -p "$cache"
  exec 9>"$cache/$1.lock"
  flock --timeout 1800 9 || die "another devcluster command has held $cache/$1.lock for 30 minutes"
}

needs_root() {
  ((EUID == 0)) || die "needs root: it makes namespaces, mounts and cgroups"
}
