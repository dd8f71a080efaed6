#ifndef NORROY_TESTS_HARNESS_POSTGRES_H_
#define NORROY_TESTS_HARNESS_POSTGRES_H_

// A real PostgreSQL server with a data directory of its own, reached by a Unix socket, and with TLS
// by 127.0.0.1 if it is given a certificate.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/harness/process.h"

namespace norroy::harness {

// Files of the server's own user, mode 0600.
struct PostgresTls {
  std::string certificate_file;
  std::string key_file;
};

class Postgres {
 public:
  // Makes the cluster and starts the server; answers when it returns. PostgreSQL refuses root:
  // there it runs as user "postgres".
  static std::unique_ptr<Postgres> Start(const PostgresTls& tls = {});
  ~Postgres();

  // The URL of a new, empty database (or of one that was made before) whose names are UTF-8.
  std::string Database(const std::string& name);
  // Of 127.0.0.1; with TLS only.
  int port() const { return port_; }
  const std::string& socket() const { return socket_; }
  // With psql, as the superuser; its output.
  std::string Sql(const std::string& database, const std::string& sql);

  // SIGKILL of the whole server, as in a power cut.
  void Kill();
  // Stops it in order ("fast": connections are cut).
  void Stop();
  void StartAgain();

 private:
  Postgres() = default;
  std::vector<std::string> AsServer(std::vector<std::string> argv) const;
  void Run();

  std::string dir_;
  std::string socket_;
  PostgresTls tls_;
  int port_ = 5432;
  std::unique_ptr<Process> process_;
  std::vector<std::string> databases_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_POSTGRES_H_
