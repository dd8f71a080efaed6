#ifndef NORROY_COMMON_SQL_CUTTING_PROXY_H_
#define NORROY_COMMON_SQL_CUTTING_PROXY_H_

// For tests: stands on loopback between clients and a PostgreSQL server, and cuts a connection at
// the worst moment of all, a COMMIT.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/sync/mutex.h"

namespace norroy::sql {

enum class Cut {
  kNone,
  kBefore,  // the server never hears of the COMMIT
  kIn,      // it hears of it, and that nobody is there any more, at once
  kAfter,   // it has answered, and the answer is lost
};

// Thread-safe.
class CuttingProxy {
 public:
  // `socket`: the server's Unix socket.
  explicit CuttingProxy(std::string socket);
  ~CuttingProxy();

  int port() const { return port_; }
  // Of the next COMMIT that comes.
  void CutNext(Cut cut) { next_ = cut; }
  int cuts() const { return cuts_; }

 private:
  void Accept();
  void Pump(int client, int server);
  // False: the connection is over.
  bool FromClient(int client, int server);

  const std::string socket_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<Cut> next_ = Cut::kNone;
  std::atomic<int> cuts_ = 0;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_CUTTING_PROXY_H_
