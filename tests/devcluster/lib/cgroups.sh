# The cluster's cgroups: `system` for its own processes, and those that kubelet makes for pods. The
# machine may have version 1, version 2, or both.

cgroup_hierarchies() {
  awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts
}

cgroup_create() {
  local hierarchy group controller
  for hierarchy in $(cgroup_hierarchies); do
    for group in "$cgroup" "$cgroup/system"; do
      mkdir -p "$hierarchy/$group"
      # In version 2 a group has the controllers that its parent passes on.
      # shellcheck disable=SC2013 # they are words
      for controller in $(cat "$hierarchy/$(dirname "$group")/cgroup.controllers" 2>/dev/null); do
        echo "+$controller" >"$hierarchy/$(dirname "$group")/cgroup.subtree_control" || true
      done
      # In version 1 a new group has no processors and no memory to allow its processes.
      if [[ -e $hierarchy/cpuset.mems ]]; then
        cat "$hierarchy/cpuset.cpus" >"$hierarchy/$group/cpuset.cpus"
        cat "$hierarchy/cpuset.mems" >"$hierarchy/$group/cpuset.mems"
      fi
    done
  done
}

# Moves the calling shell, and so what it starts.
cgroup_enter() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    echo "$BASHPID" >"$hierarchy/$cgroup/system/cgroup.procs"
  done
}

# The processes in any of the cluster's groups.
cgroup_members() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    [[ ! -d $hierarchy/$cgroup ]] ||
      find "$hierarchy/$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -u
}

cgroup_remove() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    [[ ! -d $hierarchy/$cgroup ]] ||
      find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    [[ ! -d $hierarchy/$cgroup ]] || return 1
  done
}

cgroup_exists_for_any() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    ! compgen -G "$hierarchy/${cgroup%"$name"}*" >/dev/null || return 0
  done
  return 1
}
