#ifndef NORROY_TESTS_HARNESS_NGINX_H_
#define NORROY_TESTS_HARNESS_NGINX_H_

// nginx on loopback.

#include <memory>
#include <string>

#include "tests/harness/process.h"

namespace norroy::harness {

// One process with this text in its http block; its files go to `dir`, which is made if absent.
std::unique_ptr<Process> StartNginx(const std::string& dir, const std::string& http);

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_NGINX_H_
