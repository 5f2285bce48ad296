# The namespaces of the node. Its first process is init of a PID namespace: when that is killed the
# kernel kills every other, pods included, and the mounts, being in a namespace of their own, go
# with the last. So whatever state the cluster is in, one signal ends it.

# Directories that containerd and kubelet insist on. Inside, each cluster has its own in their place.
own_directories=(/var/lib/kubelet /var/lib/cni)

# The machine has them, empty, while there is any cluster. Removing one would unmount what clusters
# mounted on it, so it is done by the last, and not while another begins.
own_directories_claim() (
  exec 8>"$cache/machine.lock"
  flock 8
  cgroup_create
  mkdir -p "${own_directories[@]}"
)

own_directories_release() (
  exec 8>"$cache/machine.lock"
  flock 8
  cgroup_remove || return
  cgroup_exists_for_any || rmdir "${own_directories[@]}" 2>/dev/null || true
)

# What kubelet wants of the kernel, as far as it belongs to the whole machine.
wanted_sysctls=(vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000)

# Starts the first process in the background.
node_start() {
  mkdir -p "$state"/{config,log/pods,run,volumes}
  own_directories_claim
  (
    cgroup_enter
    exec setsid nsenter --net="$netns" unshare --mount --propagation slave --pid --fork \
      "$here/devcluster" node-init </dev/null >"$state/log/node.log" 2>&1 9>&-
  ) &
  disown
  until_true 10 'the start of the first process' test -s "$state/init"
}

# The first process: gives the cluster its own view of the file system, then keeps the components
# running. If it fails, all ends.
node_init() {
  local host_pid component pause_import
  [[ $$ == 1 && $command == node-init ]] || die "node-init is for \`devcluster up\` to call"
  read -r host_pid _ </proc/self/stat # /proc is still the machine's, so this is seen from outside
  node_own_files
  ulimit -n 65536 2>/dev/null || true
  export PATH=$bin:$PATH:/usr/sbin:/sbin
  echo "$host_pid $(readlink /proc/self/ns/mnt)" >"$state/init"

  supervise containerd
  supervise etcd
  supervise kube-apiserver
  until_true 60 'the start of containerd' ctr version
  ctr --namespace k8s.io images import "$built/pause.tar" >/dev/null &
  pause_import=$!
  until_true 120 'the start of the API server' component_answers kube-apiserver
  wait "$pause_import"
  for component in "${components[@]}"; do
    case $component in
      containerd | etcd | kube-apiserver) ;;
      *) supervise "$component" ;;
    esac
  done
  while true; do wait -n || sleep 1; done
}

# What is mounted here the machine does not see; what the machine mounts later is seen here.
node_own_files() {
  local directory sysctl
  mount --make-rshared / # containers' mounts reach kubelet and the other way round
  mount -t proc proc /proc
  mount -t tmpfs -o mode=755 tmpfs /run
  mount -t tmpfs tmpfs /var/log
  for directory in "${own_directories[@]}"; do
    mkdir -p "$state/own$directory"
    mount --bind "$state/own$directory" "$directory"
  done
  for sysctl in "${wanted_sysctls[@]}"; do
    mkdir -p "/run/sysctl/${sysctl%/*}"
    echo "${sysctl#*=}" >"/run/sysctl/${sysctl%=*}"
    mount --bind "/run/sysctl/${sysctl%=*}" "/proc/sys/${sysctl%=*}"
  done
}

# supervise COMPONENT: keeps it running, in the background, unless it is to be stopped.
supervise() {
  local status
  (
    while true; do
      if [[ ! -e $state/run/$1.stopped ]]; then
        run_component "$1" >>"$state/log/$1.log" 2>&1 &
        echo $! >"$state/run/$1.pid"
        status=0
        wait $! || status=$?
        say "$1 ended with status $status"
      fi
      sleep 0.2
    done
  ) &
}

# A recorded process id may have been given to another since: its namespace tells. A dying process
# has none.
node_is_running() {
  local pid namespace
  [[ $command != node-init ]] || return 0
  read -r pid namespace 2>/dev/null <"$state/init" &&
    [[ $(readlink "/proc/$pid/ns/mnt" 2>/dev/null) == "$namespace" ]]
}

# in_node CMD...: in all namespaces of the node.
in_node() {
  local pid
  if [[ $command == node-init ]]; then
    "$@"
    return
  fi
  read -r pid _ 2>/dev/null <"$state/init" || return
  PATH=$bin:$PATH:/usr/sbin:/sbin nsenter --target "$pid" --mount --net --pid -- "$@" 9>&-
}

# in_network CMD...: in the network namespace only.
in_network() {
  if [[ $command == node-init ]]; then
    "$@"
  else
    PATH=$bin:$PATH nsenter --net="$netns" -- "$@" 9>&-
  fi
}
