#ifndef NORROY_TESTS_HARNESS_PROCESS_H_
#define NORROY_TESTS_HARNESS_PROCESS_H_

// Real programs as children of a test: started without a shell, their output in a file, ended by
// their process id when the test ends.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace norroy::harness {

class Process {
 public:
  // stdout and stderr are appended to `log`. `env` ("NAME=value") replaces the environment but for
  // PATH. Fails the test run (abort) if the program cannot be started.
  static std::unique_ptr<Process> Start(const std::vector<std::string>& argv,
                                        const std::string& log,
                                        const std::vector<std::string>& env = {});
  // SIGKILL if it still runs.
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();
  void Signal(int signal);
  // The exit code, or 128 + signal; -1: still running after `timeout`.
  int Wait(absl::Duration timeout);

 private:
  explicit Process(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  int status_ = 0;
  bool ended_ = false;
};

struct Output {
  int code = -1;
  std::string out;
  std::string err;
};
// Runs to its end; a program that outlives `timeout` is killed (code -1).
Output RunProgram(const std::vector<std::string>& argv, const std::vector<std::string>& env = {},
                  absl::Duration timeout = absl::Seconds(60));

// A port of 127.0.0.1 that is free now.
int FreePort();
// Asks until it is true or the time is over.
bool Eventually(const std::function<bool()>& condition, absl::Duration timeout = absl::Seconds(30));
std::string ReadAll(const std::string& path);
void WriteAll(const std::string& path, const std::string& text, int mode = 0644);
// A new folder of this test's own.
std::string TempDir(const std::string& name);
// A file of the build ("issuer/norroy-issuer").
std::string Runfile(const std::string& path);

// A TCP connection to 127.0.0.1; -1: none.
int ConnectTo(int port);

struct HttpReply {
  int status = 0;  // 0: no connection, or no whole head in time
  std::string body;
};
// A plain HTTP/1.1 GET to an IPv4 address. `timeout` is for each wait.
HttpReply HttpGet(int port, const std::string& host, const std::string& path,
                  absl::Duration timeout = absl::Seconds(60),
                  const std::string& address = "127.0.0.1");

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_PROCESS_H_
