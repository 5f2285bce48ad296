# Keys, certificates and the kubeconfig. The control plane and the cluster's user share one
# identity, of the group that may do everything; pods get their own from the API server.

# certificate NAME SUBJECT EXTENSIONS: a key and a certificate of the cluster's authority.
certificate() {
  local pki=$state/pki
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
    -keyout "$pki/$1.key" -out "$pki/$1.csr" 2>/dev/null
  openssl x509 -req -in "$pki/$1.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial \
    -days 3650 -extfile <(echo "$3") -out "$pki/$1.crt" 2>/dev/null
}

write_credentials() {
  local pki=$state/pki
  mkdir -p "$pki"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj "/CN=$name" -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/service-accounts.key"
  certificate admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
  certificate apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth
subjectAltName=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,\
DNS:kubernetes.default.svc.$dns_domain,DNS:localhost,IP:127.0.0.1,IP:$first_service_ip,IP:$node_ip"

  cat >"$state/kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: $name
contexts:
- name: $name
  context: {cluster: $name, user: admin}
clusters:
- name: $name
  cluster:
    server: https://$node_ip:6443
    certificate-authority-data: $(base64 -w 0 "$pki/ca.crt")
users:
- name: admin
  user:
    client-certificate-data: $(base64 -w 0 "$pki/admin.crt")
    client-key-data: $(base64 -w 0 "$pki/admin.key")
EOF
  chmod 600 "$state/kubeconfig"
}
