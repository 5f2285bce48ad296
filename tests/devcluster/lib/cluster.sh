# The life of a cluster.

cluster_up() {
  local begin=$SECONDS
  needs_root
  build_everything
  exclusively "cluster-$name"
  if ! node_is_running || ! network_exists; then
    cluster_remove
    mkdir -p "$state"
    chmod 755 "$state"
    network_create
    write_credentials
    write_configuration
    node_start
  fi
  cluster_wait_until_usable || {
    cluster_explain
    die "the cluster did not come up; its logs are in $state/log"
  }
  say "$name is up ($((SECONDS - begin)) s)"
}

cluster_wait_until_usable() {
  until_true 120 'an answer of the API server' component_answers kube-apiserver &&
    until_true 10 'the creation of the StorageClass' \
      kubectl_admin apply -f "$here/manifests/storageclass.yaml" &&
    until_true 120 'the registration of the node' kubectl_admin get node "$node_name" &&
    kubectl_admin wait --for=condition=Ready --timeout=120s "node/$node_name" >/dev/null &&
    until_true 60 'the start of DNS' component_answers coredns &&
    until_true 60 'the start of the controllers' \
      kubectl_admin --namespace default get serviceaccount/default configmap/kube-root-ca.crt
}

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
  local pid directory
  if node_is_running; then
    read -r pid _ <"$state/init"
    kill -KILL "$pid"
  fi
  until_true 30 'the end of all processes' cluster_kill_members || die "cannot remove $name"
  until_true 10 'the removal of the cgroups' cgroup_remove || die "cannot remove $name"
  network_remove
  rm -rf --one-file-system "$state"
  rmdir --ignore-fail-on-non-empty "$(dirname "$state")" 2>/dev/null || true
  for directory in "${own_directories[@]}"; do rmdir "$directory" 2>/dev/null || true; done
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
