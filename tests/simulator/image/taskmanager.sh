#!/bin/sh
# Starts the task manager from its own directory, as OpenMLDB's script of this name does.
exec ../../bin/openmldb --role=taskmanager --taskmanager_properties=../conf/taskmanager.properties \
  --graceful_quit_on_sigterm=true
