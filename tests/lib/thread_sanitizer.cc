// For programs under ThreadSanitizer. Debian's Abseil is built without it, so it would not see that
// the library's mutexes, ours and gRPC's, bring order between threads. These functions stand in
// front of the library's, call them, and tell.
#include <dlfcn.h>

#include "absl/synchronization/mutex.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);

// What libraries without ThreadSanitizer do with memory tells nothing, since how they order it is
// not seen.
const char* __tsan_default_options();
const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }
}

namespace absl {
namespace {

// The library's function of that mangled name, which these here hide.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// While the library runs. It looks at the conditions that other threads wait for; the mutex is held
// then, but is released for ThreadSanitizer.
struct InLibrary {
  explicit InLibrary(Mutex* released) {
    __tsan_release(released);
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~InLibrary() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

}  // namespace

#define OMDB_MUTEX "_ZN4absl7debian35Mutex"
#define OMDB_CONDVAR "_ZN4absl7debian37CondVar"

void Mutex::Lock() {
  static auto* const real = Real<void(Mutex*)>(OMDB_MUTEX "4LockEv");
  real(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  static auto* const real = Real<bool(Mutex*)>(OMDB_MUTEX "7TryLockEv");
  if (!real(this)) return false;
  __tsan_acquire(this);
  return true;
}

void Mutex::ReaderLock() {
  static auto* const real = Real<void(Mutex*)>(OMDB_MUTEX "10ReaderLockEv");
  real(this);
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  static auto* const real = Real<void(Mutex*)>(OMDB_MUTEX "6UnlockEv");
  InLibrary in_library(this);
  real(this);
}

void Mutex::ReaderUnlock() {
  static auto* const real = Real<void(Mutex*)>(OMDB_MUTEX "12ReaderUnlockEv");
  InLibrary in_library(this);
  real(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      OMDB_MUTEX "16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  bool met = false;
  {
    InLibrary in_library(this);
    met = real(this, condition, timeout);
  }
  __tsan_acquire(this);
  return met;
}

void CondVar::Wait(Mutex* mutex) {
  static auto* const real = Real<void(CondVar*, Mutex*)>(OMDB_CONDVAR "4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  real(this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const real =
      Real<bool(CondVar*, Mutex*, Time)>(OMDB_CONDVAR "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  __tsan_release(mutex);
  const bool late = real(this, mutex, deadline);
  __tsan_acquire(mutex);
  return late;
}

}  // namespace absl
