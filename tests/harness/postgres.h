#ifndef NORROY_TESTS_HARNESS_POSTGRES_H_
#define NORROY_TESTS_HARNESS_POSTGRES_H_

// A real PostgreSQL server with a data directory of its own, reached by a Unix socket alone.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/harness/process.h"

namespace norroy::harness {

class Postgres {
 public:
  // Makes the cluster and starts the server; answers when it returns. PostgreSQL refuses root:
  // there it runs as user "postgres".
  static std::unique_ptr<Postgres> Start();
  ~Postgres();

  // The URL of a new, empty database (or of one that was made before) whose names are UTF-8.
  std::string Database(const std::string& name);
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
  std::unique_ptr<Process> process_;
  std::vector<std::string> databases_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_POSTGRES_H_
