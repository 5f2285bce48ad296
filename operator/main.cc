#include <iostream>

#include "absl/debugging/failure_signal_handler.h"
#include "absl/debugging/symbolize.h"
#include "absl/flags/usage.h"
#include "operator/flags.h"
#include "operator/process.h"
#include "spdlog/spdlog.h"

int main(int argc, char** argv) {
  // A crash leaves its stack in the log.
  absl::InitializeSymbolizer(argv[0]);
  absl::InstallFailureSignalHandler({});
  absl::SetProgramUsageMessage("replaces the servers of OpenMLDB clusters without losing a row");
  const auto config = omdb::ConfigOf(argc, argv);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return 2;
  }
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  spdlog::flush_on(spdlog::level::info);
  if (const absl::Status status = omdb::RunOperator(*config); !status.ok()) {
    spdlog::error("{}", status.ToString());
    return 1;
  }
  return 0;
}
