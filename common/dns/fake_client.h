#ifndef NORROY_COMMON_DNS_FAKE_CLIENT_H_
#define NORROY_COMMON_DNS_FAKE_CLIENT_H_

// DNS in memory, for tests of what asks: records that all servers know, servers that know other
// ones, and every way to fail.
//
//   FakeClient dns;
//   dns.Add(CnameRecord("_acme-challenge.www.example.com", "abc.acme.example.net"));
//   dns.Detach(lagging);                                    // keeps what it knows now
//   dns.Add(TxtRecord("abc.acme.example.net", "value"));    // all but `lagging` answer it
//   dns.FailAt(dead, absl::DeadlineExceededError("..."));
//
// A server answers as both kinds do at once: whoever desires recursion gets the records at the end
// of the CNAMEs too (with RA), whoever does not gets an authoritative answer (with AA) for that
// name alone. Absent names get NXDOMAIN, absent types an empty NOERROR; both with the SOA of the
// closest zone above in the authority section, if there is one. A label "*" matches as RFC 4592
// has it.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/dns/client.h"
#include "common/sync/mutex.h"

namespace norroy::dns {

// Text is parsed; what does not parse ends the test.
Name TestName(absl::string_view text);
Server TestServer(absl::string_view text);
Record TxtRecord(absl::string_view owner, absl::string_view value, uint32_t ttl = 60);
Record CnameRecord(absl::string_view owner, absl::string_view target);
// A or AAAA.
Record AddressRecord(absl::string_view owner, absl::string_view address);
Record NsRecord(absl::string_view zone, absl::string_view target);
Record SoaRecord(absl::string_view zone, absl::string_view primary, uint32_t serial = 1,
                 uint32_t negative = 60);
Record CaaRecord(absl::string_view owner, absl::string_view tag, absl::string_view value,
                 bool critical = false);
Record DsRecord(absl::string_view owner);

// Thread-safe; calls do not block, and time out at once.
class FakeClient final : public Client {
 public:
  absl::StatusOr<Message> Ask(const Server& server, const Query& query,
                              absl::Duration timeout) override;

  // Of all servers that are not detached.
  void Add(const Record& record);
  // All of this owner and type.
  void Remove(const Name& owner, Type type);

  // From now on this server has its own records: at first a copy of the common ones.
  void Detach(const Server& server);
  // Detaches the server if it is not yet.
  void AddAt(const Server& server, const Record& record);
  void RemoveAt(const Server& server, const Name& owner, Type type);

  // Instead of an answer; OK ends it.
  void FailAt(const Server& server, const absl::Status& error);
  void FailFor(const Name& name, Type type, const absl::Status& error);
  // Instead of answers; kNoError ends it. A server that is not authoritative says kRefused.
  void SayAt(const Server& server, Rcode rcode);
  void SayFor(const Name& name, Type type, Rcode rcode);
  // Answers without AA and with nothing in them.
  void MakeLame(const Server& server);
  // DNSSEC, for this name and those below: bogus ones are SERVFAIL unless checking is disabled;
  // secure ones have AD.
  void MakeBogus(const Name& name);
  void MakeSecure(const Name& name);

  struct Asked {
    Server server;
    Query query;
  };
  // Since the start, in order.
  std::vector<Asked> asked();

 private:
  using Records = std::map<std::pair<Name, Type>, std::vector<Record>>;
  using Question = std::pair<Name, Type>;

  Records& Own(const Server& server) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Message Answer(const Server& server, const Query& query) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  Records common_ ABSL_GUARDED_BY(mutex_);
  std::map<Server, Records> detached_ ABSL_GUARDED_BY(mutex_);
  std::map<Server, absl::Status> server_errors_ ABSL_GUARDED_BY(mutex_);
  std::map<Question, absl::Status> errors_ ABSL_GUARDED_BY(mutex_);
  std::map<Server, Rcode> server_rcodes_ ABSL_GUARDED_BY(mutex_);
  std::map<Question, Rcode> rcodes_ ABSL_GUARDED_BY(mutex_);
  std::set<Server> lame_ ABSL_GUARDED_BY(mutex_);
  std::set<Name> bogus_ ABSL_GUARDED_BY(mutex_);
  std::set<Name> secure_ ABSL_GUARDED_BY(mutex_);
  std::vector<Asked> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_FAKE_CLIENT_H_
