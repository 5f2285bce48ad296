# The processes of the node and its control plane: their configuration, and how each is run. They
# are told to be quiet and unhurried, as the machine is small and has other work to do.

components=(etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy
  coredns volume-provisioner)

write_configuration() {
  local dir=$state/config
  mkdir -p "$dir/cni"
  write_pod_network "$dir/cni/10-pods.conflist"
  echo "nameserver $node_ip" >"$dir/resolv.conf"

  cat >"$dir/containerd.toml" <<EOF
version = 2
root = "$state/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "/run/containerd/containerd.sock"
[debug]
  level = "warn"
[plugins."io.containerd.internal.v1.opt"]
  path = "/run/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  # In a machine without CAP_SYS_RESOURCE nothing may lower its score, and runc fails on trying.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
EOF

  # Images are never collected: there is nowhere to get them from again.
  cat >"$dir/kubelet.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_ip
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: $state/pki/ca.crt}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
clusterDNS: [$node_ip]
clusterDomain: $dns_domain
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
failCgroupV1: false
failSwapOn: false
healthzBindAddress: 127.0.0.1
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
makeIPTablesUtilChains: false
maxPods: 250
nodeStatusUpdateFrequency: 20s
oomScoreAdj: 0
podLogsDir: $state/log/pods
registerNode: true
resolvConf: $dir/resolv.conf
volumePluginDir: /var/lib/kubelet/volume-plugins
EOF

  cat >"$dir/kube-proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $state/kubeconfig}
clusterCIDR: $pod_range
conntrack: {maxPerCore: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}
hostnameOverride: $node_name
mode: nftables
nftables: {minSyncPeriod: 100ms}
oomScoreAdj: 0
EOF

  # As kubeadm sets it up, names of the cluster are not cached. There are no other names.
  cat >"$dir/Corefile" <<EOF
$dns_domain:53 in-addr.arpa:53 {
  bind $node_ip
  errors
  ready $node_ip:8181
  kubernetes $dns_domain in-addr.arpa {
    kubeconfig $state/kubeconfig
    pods insecure
    ttl 5
  }
}
.:53 {
  bind $node_ip
  template ANY ANY {
    rcode NXDOMAIN
  }
}
EOF
}

# run_component NAME: becomes that process.
run_component() {
  local config=$state/config pki=$state/pki kubeconfig=$state/kubeconfig
  case $1 in
    etcd)
      # Nothing of a dev cluster outlives the machine, so it need not wait for the disk.
      exec etcd --data-dir="$state/etcd" --unsafe-no-fsync --log-level=error \
        --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379 \
        --listen-peer-urls=http://127.0.0.1:2380
      ;;
    kube-apiserver)
      exec kube-apiserver --v=0 --etcd-servers=http://127.0.0.1:2379 \
        --advertise-address="$node_ip" --secure-port=6443 --allow-privileged \
        --authorization-mode=Node,RBAC --service-cluster-ip-range="$service_range" \
        --client-ca-file="$pki/ca.crt" --cert-dir="$pki" \
        --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
        --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
        --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer="https://kubernetes.default.svc.$dns_domain" \
        --service-account-key-file="$pki/service-accounts.key" \
        --service-account-signing-key-file="$pki/service-accounts.key"
      ;;
    kube-controller-manager)
      exec kube-controller-manager --v=0 --kubeconfig="$kubeconfig" --leader-elect=false \
        --bind-address=127.0.0.1 --root-ca-file="$pki/ca.crt" --cert-dir="$pki" \
        --service-account-private-key-file="$pki/service-accounts.key" \
        --flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins \
        --kube-api-qps=100 --kube-api-burst=200 --node-monitor-grace-period=120s
      ;;
    kube-scheduler)
      exec kube-scheduler --v=0 --kubeconfig="$kubeconfig" --leader-elect=false \
        --bind-address=127.0.0.1 --cert-dir="$pki"
      ;;
    containerd) exec containerd --config "$config/containerd.toml" ;;
    kubelet)
      exec kubelet --v=0 --config="$config/kubelet.yaml" --kubeconfig="$kubeconfig" \
        --hostname-override="$node_name" --node-ip="$node_ip" --housekeeping-interval=30s
      ;;
    kube-proxy) exec kube-proxy --v=0 --config="$config/kube-proxy.yaml" ;;
    coredns) exec coredns -quiet -conf "$config/Corefile" ;;
    volume-provisioner)
      exec volume-provisioner --kubeconfig="$kubeconfig" --root="$state/volumes"
      ;;
    *) die "no such component: $1" ;;
  esac
}

# Whether the component answers, so far as it can be asked.
component_answers() {
  local curl=(in_network curl --silent --fail --max-time 2 -o /dev/null)
  local pki=$state/pki
  case $1 in
    etcd) "${curl[@]}" http://127.0.0.1:2379/health ;;
    kube-apiserver)
      "${curl[@]}" --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" \
        "https://$node_ip:6443/readyz"
      ;;
    kubelet) "${curl[@]}" http://127.0.0.1:10248/healthz ;;
    kube-proxy) "${curl[@]}" "http://127.0.0.1:10256/livez" ;;
    kube-controller-manager) "${curl[@]}" --insecure https://127.0.0.1:10257/healthz ;;
    kube-scheduler) "${curl[@]}" --insecure https://127.0.0.1:10259/healthz ;;
    coredns) "${curl[@]}" "http://$node_ip:8181/ready" ;;
    containerd) in_node ctr version ;;
    volume-provisioner) component_is_running "$1" ;;
  esac
}

component_signal() { in_node sh -c "kill -$2 $(cat "$state/run/$1.pid")" 2>/dev/null; }

component_is_running() { component_signal "$1" 0; }

component_has_ended() { ! component_is_running "$1"; }

component_must_exist() {
  [[ " ${components[*]} " == *" ${1:-none} "* ]] || die "which component? One of: ${components[*]}"
  node_is_running || die 'the cluster is not up'
}

component_stop() {
  component_must_exist "$@"
  touch "$state/run/$1.stopped"
  component_signal "$1" TERM || true
  # The API server would wait a minute for its watchers to leave.
  until_true 3 "the end of $1" component_has_ended "$1" 2>/dev/null || component_signal "$1" KILL
}

component_start() {
  component_must_exist "$@"
  rm -f "$state/run/$1.stopped"
  until_true 60 "an answer of $1" component_answers "$1"
}

component_restart() {
  component_stop "$@"
  component_start "$@"
}
