#include "tests/simulator/model/nameserver.h"

#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/simulator/model/nameserver_impl.h"

namespace omdb::simulator {
namespace {

// Reading everything and telling the tablets: 0.03 to 0.11 s in all (M14).
constexpr absl::Duration kTakeOverTime = absl::Milliseconds(30);
constexpr absl::Duration kPortCheckInterval = absl::Milliseconds(100);

}  // namespace

NameServer::NameServer(Options options, Executor& executor, Network& network, Coordination& zk)
    : impl_(std::make_unique<Impl>(std::move(options), executor, network, zk)) {}
NameServer::~NameServer() = default;
absl::Status NameServer::Start() { return impl_->Start(); }
bool NameServer::listening() const { return impl_->listening; }
void NameServer::OnExit(std::function<void(std::string)> exit) { impl_->on_exit = std::move(exit); }
Dispatcher& NameServer::dispatcher() { return *impl_->dispatcher; }

NameServer::Impl::Impl(Options options, Executor& executor, Network& network, Coordination& zk)
    : dispatcher(executor),
      context_(std::move(options), executor, network, zk),
      queue_(context_),
      catalog_(context_),
      registry_(context_, queue_),
      steps_(context_, catalog_, registry_),
      engine_(context_, catalog_, registry_, steps_),
      ops_(catalog_, registry_, engine_),
      failover_(context_, catalog_, registry_, ops_, queue_),
      table_maker_(context_, catalog_, registry_),
      election_(
          context_, [this] { Won(); }, [this] { Lost(); }) {
  context_.auto_failover = context_.options.auto_failover;
  steps_.SetFactory(&ops_);
  registry_.SetListener(
      {.on_new =
           [this] {
             if (context_.leading) catalog_.NotifyTables();
           },
       .on_online = [this](const std::string& name) { failover_.OnOnline(name); },
       .on_offline = [this](const std::string& name) { failover_.OnOffline(name); }});
  RegisterStatusMethods();
  RegisterSchemaMethods();
  RegisterReplicaMethods();
  RegisterOpMethods();
}

NameServer::Impl::~Impl() {
  // What is under way goes before what it uses.
  dispatcher.reset();
  context_.scope.reset();
}

absl::Status NameServer::Impl::Start() {
  absl::Status connected = Connect();
  if (!connected.ok()) return connected;
  // What is watched has to be there.
  for (const char* path : {"/nodes", "/leader"}) {
    absl::Status made = context_.zk.Create(context_.Path(path), "", NodeMode::kPersistent).status();
    if (!made.ok() && !absl::IsAlreadyExists(made)) return made;
  }
  if (absl::Status read = registry_.Refresh(); !read.ok()) return read;
  if (absl::Status watched = registry_.Watch(); !watched.ok()) return watched;
  absl::Status loaded = catalog_.Load();
  if (!loaded.ok()) return loaded;
  election_.Start();
  context_.scope->Spawn(OpenPort());
  context_.scope->Spawn(KeepAlive());
  return absl::OkStatus();
}

absl::Status NameServer::Impl::Connect() {
  absl::Status connected = context_.zk.Connect();
  if (!connected.ok()) return connected;
  election_.SessionRenewed();
  registry_.StopWatching();
  return absl::OkStatus();
}

Task<void> NameServer::Impl::OpenPort() {
  while (catalog_.Find(kInternalDb, kUserTable) == nullptr) {
    co_await Delay(context_.executor, kPortCheckInterval);
  }
  absl::Status registered = RegisterName();
  if (registered.ok()) {
    listening = true;
  } else {
    Exit(std::string(registered.message()));
  }
}

absl::Status NameServer::Impl::RegisterName() {
  const Options& options = context_.options;
  if (options.real_endpoint.empty()) return absl::OkStatus();
  const std::string path = context_.Path("/map/names/") + options.endpoint;
  absl::StatusOr<std::string> known = context_.zk.Get(path);
  if (!known.ok()) {
    return context_.zk.Create(path, options.real_endpoint, NodeMode::kPersistent).status();
  }
  if (*known == options.real_endpoint) return absl::OkStatus();
  // Another address under our name: somebody else, if one of that name is there (F1.6).
  absl::StatusOr<std::vector<std::string>> requests =
      context_.zk.Children(context_.Path("/leader"));
  if (!requests.ok()) return requests.status();
  for (const std::string& request : *requests) {
    absl::StatusOr<std::string> name = context_.zk.Get(context_.Path("/leader/") + request);
    if (name.ok() && *name == options.endpoint) {
      return absl::AlreadyExistsError(absl::StrCat("server name ", options.endpoint, " duplicate"));
    }
  }
  return context_.zk.Set(path, options.real_endpoint);
}

// A lost session is noticed here only: until then an old leader answers as if nothing were (M6).
// /nodes is watched again with each session, if need be at a later look, and not read: what changed
// meanwhile is seen with the next change, or by a new leader.
Task<void> NameServer::Impl::KeepAlive() {
  for (;;) {
    co_await Delay(context_.executor, context_.options.zk_keep_alive_check_interval);
    if (!context_.zk.Connected()) {
      election_.StepDown();
      Lost();
      Connect().IgnoreError();
    }
    if (!registry_.watching()) registry_.Watch().IgnoreError();
  }
}

void NameServer::Impl::Won() {
  ++context_.reign;
  context_.scope->Spawn(Lead(context_.reign));
}

void NameServer::Impl::Lost() {
  ++context_.reign;
  context_.leading = false;
}

void NameServer::Impl::RecoverAutoFailover() {
  const std::string path = context_.Path("/config/auto_failover");
  absl::StatusOr<std::string> stored = context_.zk.Get(path);
  if (stored.ok()) {
    std::bernoulli_distribution race(context_.options.auto_failover_race_probability);
    const bool flag_wins = !led_before_ && race(context_.executor.random());
    context_.auto_failover = flag_wins ? context_.options.auto_failover : *stored == "true";
  } else if (absl::IsNotFound(stored.status())) {
    context_.zk.Create(path, context_.auto_failover ? "true" : "false", NodeMode::kPersistent)
        .IgnoreError();
  }
  led_before_ = true;
}

// From the lock to the first answer. The tables that a fresh cluster lacks are made before it, and
// a leader with too few tablets exits without one (F1.4); offsets are read from the tablets after
// it.
Task<void> NameServer::Impl::Lead(uint64_t reign) {
  co_await Delay(context_.executor, kTakeOverTime);
  // A failure in between is logged by the real one, no more. Then one that has not led before knows
  // of no database, and fails to create its own.
  catalog_.CreateLayout().IgnoreError();
  registry_.Refresh().IgnoreError();
  RecoverAutoFailover();
  if (absl::Status loaded = catalog_.Load(); !loaded.ok() && reign == 1) {
    Exit(std::string(loaded.message()));
    co_return;
  }
  co_await registry_.PushRealEndpoints();
  co_await engine_.Recover();
  if (context_.reign != reign) co_return;
  absl::Status made = co_await table_maker_.CreateSystemTables(reign);
  if (context_.reign != reign) co_return;
  if (!made.ok()) {
    Exit(std::string(made.message()));
    co_return;
  }
  context_.leading = true;
  failover_.RecoverOfflineTablets();
  engine_.Start();
  context_.scope->Spawn(TableStatusLoop(reign));
  queue_.Add([this] { return registry_.ResetModes(); });
}

void NameServer::Impl::Exit(std::string reason) {
  if (exited_) return;
  exited_ = true;
  ++context_.reign;
  context_.leading = false;
  listening = false;
  if (on_exit) on_exit(std::move(reason));
}

}  // namespace omdb::simulator
