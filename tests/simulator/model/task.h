#ifndef OMDB_TESTS_SIMULATOR_MODEL_TASK_H_
#define OMDB_TESTS_SIMULATOR_MODEL_TASK_H_

#include <coroutine>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "tests/simulator/model/executor.h"

// Coroutines for the model's servers. A Task starts when it is awaited and resumes its awaiter when
// it ends. A Scope owns the tasks that a server runs in the background; destroying the scope
// destroys their frames, which is how a server dies at any point of what it was doing.
//
// Rules: coroutine parameters are taken by value (a reference would dangle once the caller went
// on), and a lambda that is a coroutine captures nothing.
namespace omdb::simulator {

template <typename T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::exception_ptr error;
    std::coroutine_handle<> awaiter = std::noop_coroutine();

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct ResumeAwaiter {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().awaiter;
        }
        void await_resume() noexcept {}
      };
      return ResumeAwaiter{};
    }
    template <typename U>
    void return_value(U&& result) {
      value.emplace(std::forward<U>(result));
    }
    void unhandled_exception() { error = std::current_exception(); }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
        handle.promise().awaiter = awaiter;
        return handle;
      }
      T await_resume() {
        if (handle.promise().error) std::rethrow_exception(handle.promise().error);
        return std::move(*handle.promise().value);
      }
    };
    return Awaiter{handle_};
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type {
    std::exception_ptr error;
    std::coroutine_handle<> awaiter = std::noop_coroutine();

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct ResumeAwaiter {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().awaiter;
        }
        void await_resume() noexcept {}
      };
      return ResumeAwaiter{};
    }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && {
    struct Awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
        handle.promise().awaiter = awaiter;
        return handle;
      }
      void await_resume() {
        if (handle.promise().error) std::rethrow_exception(handle.promise().error);
      }
    };
    return Awaiter{handle_};
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}

  std::coroutine_handle<promise_type> handle_;
};

// A value that arrives once, from a callback. Awaited by at most one coroutine; a coroutine that
// dies while it waits is not resumed. Copies share the value: the side that has it calls Set, at
// most once, on the executor's thread.
template <typename T>
class Promise {
 public:
  Promise() : state_(std::make_shared<State>()) {}

  void Set(T value) const {
    if (state_->value) return;
    state_->value.emplace(std::move(value));
    if (auto waiting = std::exchange(state_->waiting, {})) waiting.resume();
  }
  bool done() const { return state_->value.has_value(); }

  auto operator co_await() const {
    struct Awaiter {
      std::shared_ptr<typename Promise::State> state;

      explicit Awaiter(std::shared_ptr<typename Promise::State> s) : state(std::move(s)) {}
      Awaiter(const Awaiter&) = delete;
      Awaiter& operator=(const Awaiter&) = delete;
      ~Awaiter() {
        if (state) state->waiting = {};
      }
      bool await_ready() { return state->value.has_value(); }
      void await_suspend(std::coroutine_handle<> handle) { state->waiting = handle; }
      T await_resume() { return std::move(*state->value); }
    };
    return Awaiter(state_);
  }

 private:
  struct State {
    std::optional<T> value;
    std::coroutine_handle<> waiting;
  };

  std::shared_ptr<State> state_;
};

struct Unit {};

// Resumes after `delay` on `executor`.
inline Promise<Unit> Delay(Executor& executor, absl::Duration delay) {
  Promise<Unit> promise;
  executor.Schedule(delay, [promise] { promise.Set(Unit{}); });
  return promise;
}

// Owns background tasks. Not thread-safe: lives on one executor.
class Scope {
 public:
  explicit Scope(Executor& executor) : executor_(executor), alive_(std::make_shared<bool>(true)) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    *alive_ = false;
    auto frames = std::exchange(frames_, {});
    for (auto frame : frames) frame.destroy();
  }

  // Starts `task` from the executor's queue, not from within this call.
  void Spawn(Task<void> task) {
    auto frame = Run(this, std::move(task)).handle;
    frame.promise().place = frames_.insert(frames_.end(), frame);
    Post(absl::ZeroDuration(), [frame] { frame.resume(); });
  }

  // Schedules `work`, dropped when this scope is gone by then.
  void Post(absl::Duration delay, Executor::Work work) {
    executor_.Schedule(delay, [alive = alive_, work = std::move(work)]() mutable {
      if (*alive) work();
    });
  }

 private:
  using Frames = std::list<std::coroutine_handle<>>;
  struct Detached {
    struct promise_type {
      Scope* scope = nullptr;
      Frames::iterator place;
      // The coroutine's parameters, so that the frame knows its owner.
      promise_type(Scope* owner, const Task<void>&) : scope(owner) {}
      Detached get_return_object() {
        return Detached{std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept {
        scope->frames_.erase(place);
        return {};
      }
      void return_void() {}
      void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
  };
  static Detached Run(Scope*, Task<void> task) { co_await std::move(task); }

  Executor& executor_;
  std::shared_ptr<bool> alive_;
  Frames frames_;  // in the order of their beginnings
};

}  // namespace omdb::simulator

#endif  // OMDB_TESTS_SIMULATOR_MODEL_TASK_H_
