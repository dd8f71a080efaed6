#ifndef NORROY_COMMON_SQL_POSTGRES_LISTENER_H_
#define NORROY_COMMON_SQL_POSTGRES_LISTENER_H_

// Hears what processes on the same database tell (LISTEN), on a connection and a thread of its own,
// and brings it to this process's Notices. While the connection is lost, everybody is told to look,
// again and again, and once more when it is back. Thread-safe.

#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/sql/notices.h"
#include "common/sql/postgres_connection.h"
#include "common/sql/queued_database.h"

namespace norroy::sql {

class PostgresListener final : public Listener {
 public:
  // `notices` outlive it.
  PostgresListener(std::string url, Notices& notices);
  ~PostgresListener() override;

 private:
  void Listen();
  bool Connect();
  // False: it is time to end.
  bool Wait(absl::Duration time);

  const std::string url_;
  Notices& notices_;
  const int stop_;                                  // an eventfd
  std::unique_ptr<PostgresConnection> connection_;  // by thread_ alone
  std::thread thread_;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_POSTGRES_LISTENER_H_
