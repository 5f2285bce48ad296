# The life of a cluster.

cluster_up() {
  local begin=$SECONDS
  needs_root
  build_everything
  exclusively "cluster-$name"
  if ! node_is_running || ! network_exists || ! cluster_wait_until_usable; then
    cluster_remove
    mkdir -p "$state"
    network_create
    write_credentials
    write_configuration
    node_start
    cluster_wait_until_usable || {
      cluster_explain
      die "$name did not come up; its logs are in $state/log"
    }
  fi
  say "$name is up ($((SECONDS - begin)) s)"
}

cluster_wait_until_usable() {
  cluster_wait 120 'an answer of the API server' component_answers kube-apiserver &&
    cluster_wait 10 'the creation of the StorageClass' \
      kubectl_admin apply -f "$here/manifests/storageclass.yaml" &&
    cluster_wait 120 'the registration of the node' kubectl_admin get node "$node_name" &&
    kubectl_admin wait --for=condition=Ready --timeout=120s "node/$node_name" >/dev/null &&
    cluster_wait 60 'the start of DNS' component_answers coredns &&
    cluster_wait 60 'the start of the controllers' \
      kubectl_admin --namespace default get serviceaccount/default configmap/kube-root-ca.crt
}

# cluster_wait SECONDS WHAT CMD...: as until_true, but in vain when the cluster dies.
cluster_wait() {
  until_true "$1" "$2" dead_or "${@:3}" && node_is_running
}

dead_or() { ! node_is_running || "$@"; }

cluster_explain() {
  local component
  for component in node "${components[@]}"; do
    [[ -s $state/log/$component.log ]] || continue
    say "the end of $component.log:"
    tail -n 3 "$state/log/$component.log" | cut -c -300 >&2
  done
}

kubectl_admin() { in_network kubectl --kubeconfig="$state/kubeconfig" "$@"; }

cluster_down() {
  needs_root
  exclusively "cluster-$name"
  [[ "$(readlink /proc/self/ns/net)" != "net:[$(stat -L -c %i "$netns" 2>/dev/null)]" ]] ||
    die "\`down\` is called inside the cluster's own network; call it from outside"
  cluster_remove
}

# Whatever there is of it: it may be half up, or be missing any of its processes or files.
cluster_remove() {
  local pid
  if node_is_running; then
    read -r pid _ <"$state/init"
    kill -KILL "$pid"
  fi
  until_true 30 'the end of all processes' cluster_kill_members || die "cannot remove $name"
  until_true 10 'the removal of the cgroups' own_directories_release || die "cannot remove $name"
  network_remove
  rm -rf --one-file-system "$state"
  rmdir --ignore-fail-on-non-empty "$(dirname "$state")" 2>/dev/null || true
}

# True when there are none left.
cluster_kill_members() {
  local pid none=0
  for pid in $(network_members) $(cgroup_members); do
    none=1
    kill -KILL "$pid" 2>/dev/null || true
  done
  return $none
}

cluster_run() {
  local inside="mount --bind '$state/config/resolv.conf' /etc/resolv.conf && exec \"\$@\""
  (($#)) || die 'what is to be run?'
  needs_root
  node_is_running || die "$name is not up"
  KUBECONFIG=$state/kubeconfig PATH=$bin:$PATH exec nsenter --net="$netns" \
    unshare --mount --propagation slave -- sh -c "$inside" sh "$@"
}

cluster_status() {
  local component
  node_is_running || {
    echo "$name is down"
    exit 3
  }
  for component in "${components[@]}"; do
    if component_answers "$component" >/dev/null 2>&1; then
      echo "$component: up"
    else
      echo "$component: does not answer"
    fi
  done
  echo "logs: $state/log"
  kubectl_admin get nodes
  kubectl_admin get pods --all-namespaces
}
