#include "tests/harness/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

pid_t Spawn(const std::vector<std::string>& argv, const std::vector<std::string>& env,
            posix_spawn_file_actions_t* actions) {
  std::vector<std::string> all_env = env;
  const char* const path = std::getenv("PATH");
  all_env.push_back(absl::StrCat("PATH=", path == nullptr ? "/usr/bin:/bin" : path));
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0].c_str(), actions, nullptr, Pointers(argv).data(),
                                 Pointers(all_env).data());
  if (error != 0) std::fprintf(stderr, "cannot start %s: errno %d\n", argv[0].c_str(), error);
  NORROY_CHECK(error == 0);
  return pid;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int Connect(const std::string& host, int port, absl::Duration timeout) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  NORROY_CHECK(fd >= 0);
  const timeval limit = absl::ToTimeval(timeout);
  // Of connect, too.
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  NORROY_CHECK(inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

std::string ReadToEnd(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t n;
  while ((n = read(fd, buffer, sizeof(buffer))) > 0) text.append(buffer, static_cast<size_t>(n));
  return text;
}

}  // namespace

std::unique_ptr<Process> Process::Start(const std::vector<std::string>& argv,
                                        const std::string& log,
                                        const std::vector<std::string>& env) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  const pid_t pid = Spawn(argv, env, &actions);
  posix_spawn_file_actions_destroy(&actions);
  return std::unique_ptr<Process>(new Process(pid));
}

Process::~Process() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  Wait(absl::Seconds(10));
}

bool Process::running() { return Wait(absl::ZeroDuration()) == -1; }

void Process::Signal(int signal) {
  if (!ended_) kill(pid_, signal);
}

int Process::Wait(absl::Duration timeout) {
  const absl::Time end = absl::Now() + timeout;
  while (!ended_) {
    if (waitpid(pid_, &status_, WNOHANG) == pid_) {
      ended_ = true;
      break;
    }
    if (absl::Now() >= end) return -1;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return ExitCode(status_);
}

Output RunProgram(const std::vector<std::string>& argv, const std::vector<std::string>& env,
                  absl::Duration timeout) {
  int out[2];
  int err[2];
  NORROY_CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  const pid_t pid = Spawn(argv, env, &actions);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  Output output;
  std::thread read_err([&] { output.err = ReadToEnd(err[0]); });
  std::thread read_out([&] { output.out = ReadToEnd(out[0]); });
  const absl::Time end = absl::Now() + timeout;
  int status = 0;
  bool killed = false;
  while (waitpid(pid, &status, WNOHANG) != pid) {
    if (absl::Now() >= end && !killed) {
      kill(pid, SIGKILL);
      killed = true;
    }
    absl::SleepFor(absl::Milliseconds(2));
  }
  read_out.join();
  read_err.join();
  close(out[0]);
  close(err[0]);
  output.code = killed ? -1 : ExitCode(status);
  return output;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NORROY_CHECK(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  socklen_t length = sizeof(address);
  NORROY_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  close(fd);
  return ntohs(address.sin_port);
}

bool Eventually(const std::function<bool()>& condition, absl::Duration timeout) {
  const absl::Time end = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() >= end) return condition();
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteAll(const std::string& path, const std::string& text, int mode) {
  std::ofstream(path, std::ios::binary) << text;
  chmod(path.c_str(), static_cast<mode_t>(mode));
}

std::string TempDir(const std::string& name) {
  const char* const base = std::getenv("TEST_TMPDIR");
  std::string path = absl::StrCat(base == nullptr ? "/tmp" : base, "/", name, "-XXXXXX");
  NORROY_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

std::string Runfile(const std::string& path) {
  const char* const base = std::getenv("TEST_SRCDIR");
  return base == nullptr ? absl::StrCat("bazel-bin/", path) : absl::StrCat(base, "/norroy/", path);
}

int ConnectTo(int port) { return Connect("127.0.0.1", port, absl::Seconds(10)); }

HttpReply HttpGet(int port, const std::string& host, const std::string& path,
                  absl::Duration timeout, const std::string& address) {
  HttpReply reply;
  const int fd = Connect(address, port, timeout);
  if (fd < 0) return reply;
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n");
  if (write(fd, request.data(), request.size()) == static_cast<ssize_t>(request.size())) {
    const std::string text = ReadToEnd(fd);
    const size_t body = text.find("\r\n\r\n");
    if (text.size() > 12 && body != std::string::npos) {
      (void)absl::SimpleAtoi(text.substr(9, 3), &reply.status);
      reply.body = text.substr(body + 4);
    }
  }
  close(fd);
  return reply;
}

}  // namespace norroy::harness
