#ifndef NORROY_AGENT_PRESENTER_POWERDNS_FAKE_API_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_FAKE_API_H_

// An HTTP server on 127.0.0.1 that answers as it is told, and one that behaves like PowerDNS's API
// with one zone, in whichever version. For tests.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

struct FakeRequest {
  std::string method;
  std::string target;
  std::string head;
  std::string body;
};

// What to do with a request; `connection` is closed afterwards.
using FakeBehaviour = std::function<void(const FakeRequest&, int connection)>;

// Each connection is served by a thread of its own.
class FakeApi {
 public:
  explicit FakeApi(FakeBehaviour behaviour);
  ~FakeApi();
  int port() const { return port_; }
  std::string url() const;
  // "GET /api/v1/servers/localhost"
  std::vector<std::string> requests();
  // Ends what a behaviour waits for.
  bool stopping() const { return stopping_; }

 private:
  void Accept();
  void Serve(int connection);

  const FakeBehaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::set<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

// As much as the other side takes.
void SendAll(int connection, absl::string_view bytes);
std::string HttpResponse(int status, absl::string_view body, absl::string_view headers = "");
FakeBehaviour Always(const std::string& bytes);

// The API of a PowerDNS with one zone. Thread-safe.
class FakePowerDns {
 public:
  struct Set {
    uint32_t ttl = 0;
    std::vector<std::pair<std::string, bool>> records;  // content, disabled
  };

  explicit FakePowerDns(std::string version) : version_(std::move(version)) {}
  FakeBehaviour Behaviour();

  std::map<std::string, Set> sets();
  void Put(const std::string& name, const Set& set);
  // The changetypes that came, in order.
  std::vector<std::string> changes();
  // Answer 422 to EXTEND and PRUNE whatever the version says.
  std::atomic<bool> refuse_extend = false;
  // Send all sets whatever the filter says.
  std::atomic<bool> ignore_filter = false;
  // The next so many changes are undone by somebody else at once.
  std::atomic<int> overwrites = 0;
  // The next so many changes fail by 500.
  std::atomic<int> failing_changes = 0;
  // The next so many reads after a change fail by 500.
  std::atomic<int> failing_reads = 0;

 private:
  std::string Handle(const FakeRequest& request);
  std::string Read(const FakeRequest& request);
  std::string Change(const FakeRequest& request);

  const std::string version_;
  Mutex mutex_;
  std::map<std::string, Set> sets_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_FAKE_API_H_
