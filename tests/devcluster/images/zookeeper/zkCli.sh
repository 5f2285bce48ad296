#!/bin/bash
# The command line client; its options are those of org.apache.zookeeper.ZooKeeperMain.
# shellcheck disable=SC2086 # the variables hold several flags
exec java ${CLIENT_JVMFLAGS:-} ${JVMFLAGS:-} -cp \
  "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-nop.jar" \
  org.apache.zookeeper.ZooKeeperMain "$@"
