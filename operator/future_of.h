#ifndef OMDB_OPERATOR_FUTURE_OF_H_
#define OMDB_OPERATOR_FUTURE_OF_H_

#include <pplx/pplxtasks.h>

#include <exception>
#include <future>
#include <memory>

namespace omdb {

// What `task` will bring, its value or its exception, as something that can be waited for with a
// limit: cpprestsdk's timeouts do not cover all that it does, the resolving of a name for one.
// Whoever stops waiting leaves nothing behind.
template <typename T>
std::future<T> FutureOf(const pplx::task<T>& task) {
  auto promise = std::make_shared<std::promise<T>>();
  task.then([promise](const pplx::task<T>& done) {
    try {
      promise->set_value(done.get());
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  });
  return promise->get_future();
}

}  // namespace omdb

#endif  // OMDB_OPERATOR_FUTURE_OF_H_
