#ifndef OMDB_OPERATOR_KUBE_THREAD_H_
#define OMDB_OPERATOR_KUBE_THREAD_H_

#include <functional>
#include <string>
#include <thread>

namespace omdb::kube {

// Starts a thread that `ps -L` and a debugger show under `name` (the kernel keeps 15 characters).
std::thread StartThread(const std::string& name, std::function<void()> body);

}  // namespace omdb::kube

#endif  // OMDB_OPERATOR_KUBE_THREAD_H_
