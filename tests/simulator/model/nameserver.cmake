# The model's nameserver.
add_library(sim_nameserver STATIC
  nameserver.cc nameserver_catalog.cc nameserver_election.cc nameserver_failover.cc
  nameserver_ops.cc nameserver_registry.cc nameserver_replicas.cc nameserver_schema.cc
  nameserver_status.cc nameserver_system_tables.cc nameserver_tables.cc
  op_change_leader.cc op_engine.cc op_engine_tablets.cc op_factory.cc op_metadata.cc op_plan.cc
  op_recover_table.cc op_steps.cc)
target_link_libraries(sim_nameserver PUBLIC sim_runtime)

add_executable(sim_nameserver_test nameserver_testing.cc nameserver_testing_rows.cc
  nameserver_change_leader_test.cc nameserver_death_test.cc nameserver_election_test.cc
  nameserver_failover_test.cc nameserver_recover_test.cc nameserver_registry_test.cc
  nameserver_loss_test.cc nameserver_rejoin_test.cc nameserver_replicas_test.cc
  nameserver_schema_test.cc nameserver_times_test.cc)
target_link_libraries(sim_nameserver_test PRIVATE sim_nameserver sim_tablet sim_world
  GTest::gtest_main)
gtest_discover_tests(sim_nameserver_test DISCOVERY_MODE PRE_TEST)
