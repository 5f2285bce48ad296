# The network namespace that the node, its control plane and their clients live in. Nothing leads
# out of it, so addresses are the same in every cluster and meet nobody else's.

node_ip=10.89.0.2
pod_range=10.244.0.0/16
service_range=10.96.0.0/16
first_service_ip=10.96.0.1 # the API server's, by Kubernetes' own rule
dns_domain=cluster.local

network_create() {
  ip netns add "$name"
  ip -n "$name" link set lo up
  # An address needs an interface with a carrier; the two ends of a cable give each other one.
  ip -n "$name" link add node0 type veth peer name node0-peer
  ip -n "$name" addr add "$node_ip/24" dev node0
  ip -n "$name" link set node0-peer up
  ip -n "$name" link set node0 up
  # kubelet and kube-proxy want a default route; it ends here.
  ip -n "$name" route add default dev node0
  nsenter --net="$netns" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

network_exists() { [[ -e $netns ]] && [[ $(stat -f -c %T "$netns") == nsfs ]]; }

network_remove() {
  [[ -e $netns ]] || return 0
  umount "$netns" 2>/dev/null || true
  rm -f "$netns"
}

# How the namespace's members are found when nothing else is left of the cluster.
network_members() {
  local namespace pid
  network_exists || return 0
  namespace="net:[$(stat -L -c %i "$netns")]"
  for pid in /proc/[0-9]*; do
    [[ $(readlink "$pid/ns/net" 2>/dev/null) == "$namespace" ]] && echo "${pid#/proc/}"
  done
  return 0
}

# Pods are each at the end of a cable of their own and everything between them is routed: on a
# bridge, the answers to traffic for a Service would bypass the node's address translation.
write_pod_network() {
  cat >"$1" <<EOF
{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{"subnet": "$pod_range"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    }
  ]
}
EOF
}
