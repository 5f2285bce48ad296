#!/bin/bash
# zkServer.sh start-foreground|status: of the official script's commands those that make sense in
# a container.
set -euo pipefail

config=$ZOO_CONF_DIR/zoo.cfg
# log4j.properties in the directory of the configuration is preferred, as in the official image.
classpath=$ZOO_CONF_DIR:/usr/share/zookeeper:/usr/share/java/zookeeper.jar:\
/usr/share/java/slf4j-log4j12.jar:/usr/share/java/log4j-1.2.jar

case ${1:-} in
  start-foreground)
    # shellcheck disable=SC2086 # the variables hold several flags
    exec java "-Xmx${ZK_SERVER_HEAP:-1000}m" ${SERVER_JVMFLAGS:-} ${JVMFLAGS:-} \
      "-Dzookeeper.log.dir=$ZOO_LOG_DIR" -XX:+ExitOnOutOfMemoryError -cp "$classpath" \
      org.apache.zookeeper.server.quorum.QuorumPeerMain "$config"
    ;;
  status)
    port=$(sed -n 's/^clientPort=//p' "$config")
    mode=$(echo srvr | nc -w 5 localhost "${port:-2181}" | grep '^Mode:') || {
      echo 'Error contacting service. It is probably not running.' >&2
      exit 1
    }
    echo "$mode"
    ;;
  *)
    echo "usage: $0 {start-foreground|status}" >&2
    exit 1
    ;;
esac
