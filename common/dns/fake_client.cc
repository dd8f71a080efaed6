#include "common/dns/fake_client.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::dns {
namespace {

using Records = std::map<std::pair<Name, Type>, std::vector<Record>>;

constexpr int kMaxHops = 20;

template <typename T>
T Checked(const absl::StatusOr<T>& parsed) {
  if (!parsed.ok()) std::fprintf(stderr, "%s\n", std::string(parsed.status().message()).c_str());
  NORROY_CHECK(parsed.ok());
  return *parsed;
}

Record Make(absl::string_view owner, Type type, uint32_t ttl = 60) {
  Record record;
  record.owner = TestName(owner);
  record.type = type;
  record.ttl = ttl;
  return record;
}

std::vector<Record> At(const Records& records, const Name& name, Type type) {
  const auto at = records.find({name, type});
  return at == records.end() ? std::vector<Record>() : at->second;
}

// Itself or a name below it has records (RFC 8020: then it exists).
bool Exists(const Records& records, const Name& name) {
  return std::any_of(records.begin(), records.end(), [&](const auto& entry) {
    return !entry.second.empty() && entry.first.first.IsWithin(name);
  });
}

// Where the records of a name are: at itself, or at the wildcard that matches it (RFC 4592 4.3).
Name SourceOf(const Records& records, const Name& name) {
  if (Exists(records, name)) return name;
  for (Name above = name.parent();; above = above.parent()) {
    const auto wildcard = above.Child("*");
    if (wildcard.ok() && Exists(records, *wildcard)) return *wildcard;
    if (above.is_root() || Exists(records, above)) return name;
  }
}

std::vector<Record> Find(const Records& records, const Name& name, Type type) {
  std::vector<Record> found = At(records, SourceOf(records, name), type);
  for (Record& record : found) record.owner = name;
  return found;
}

std::vector<Record> ClosestSoa(const Records& records, const Name& name) {
  for (Name zone = name;; zone = zone.parent()) {
    std::vector<Record> soa = At(records, zone, Type::kSoa);
    if (!soa.empty() || zone.is_root()) return soa;
  }
}

bool IsBelowOne(const std::set<Name>& names, const Name& name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const Name& above) { return name.IsWithin(above); });
}

void Append(const std::vector<Record>& more, std::vector<Record>& records) {
  records.insert(records.end(), more.begin(), more.end());
}

// Follows CNAMEs if recursion is desired.
void Fill(const Records& records, const Query& query, Message& message) {
  Name name = query.name;
  for (int hop = 0; hop < kMaxHops; ++hop) {
    const std::vector<Record> found = Find(records, name, query.type);
    const std::vector<Record> cname = Find(records, name, Type::kCname);
    Append(found, message.answers);
    if (!found.empty()) return;
    Append(cname, message.answers);
    if (cname.empty()) break;
    name = cname[0].target;
    if (!query.recursion_desired) return;
  }
  if (!Exists(records, SourceOf(records, name))) message.rcode = Rcode::kNxDomain;
  message.authority = ClosestSoa(records, name);
}

}  // namespace

Name TestName(absl::string_view text) { return Checked(Name::Parse(text)); }
Server TestServer(absl::string_view text) { return Checked(Server::Parse(text)); }

Record TxtRecord(absl::string_view owner, absl::string_view value, uint32_t ttl) {
  Record record = Make(owner, Type::kTxt, ttl);
  record.text = std::string(value);
  return record;
}

Record CnameRecord(absl::string_view owner, absl::string_view target) {
  Record record = Make(owner, Type::kCname);
  record.target = TestName(target);
  return record;
}

Record AddressRecord(absl::string_view owner, absl::string_view address) {
  const bool v6 = address.find(':') != absl::string_view::npos;
  Record record = Make(owner, v6 ? Type::kAaaa : Type::kA);
  record.text = std::string(address);
  return record;
}

Record NsRecord(absl::string_view zone, absl::string_view target) {
  Record record = Make(zone, Type::kNs);
  record.target = TestName(target);
  return record;
}

Record SoaRecord(absl::string_view zone, absl::string_view primary, uint32_t serial,
                 uint32_t negative) {
  Record record = Make(zone, Type::kSoa);
  record.target = TestName(primary);
  record.serial = serial;
  record.negative = negative;
  return record;
}

Record CaaRecord(absl::string_view owner, absl::string_view tag, absl::string_view value,
                 bool critical) {
  Record record = Make(owner, Type::kCaa);
  record.caa = {.critical = critical, .tag = std::string(tag), .value = std::string(value)};
  return record;
}

Record DsRecord(absl::string_view owner) { return Make(owner, Type::kDs); }

absl::StatusOr<Message> FakeClient::Ask(const Server& server, const Query& query, absl::Duration) {
  MutexLock lock(&mutex_);
  asked_.push_back({server, query});
  const auto server_error = server_errors_.find(server);
  if (server_error != server_errors_.end() && !server_error->second.ok()) {
    return server_error->second;
  }
  const auto error = errors_.find({query.name, query.type});
  if (error != errors_.end() && !error->second.ok()) return error->second;
  return Answer(server, query);
}

Message FakeClient::Answer(const Server& server, const Query& query) {
  Message message;
  message.authoritative = !query.recursion_desired;
  message.recursion_available = query.recursion_desired;
  const auto server_rcode = server_rcodes_.find(server);
  if (server_rcode != server_rcodes_.end()) message.rcode = server_rcode->second;
  const auto rcode = rcodes_.find({query.name, query.type});
  if (rcode != rcodes_.end() && rcode->second != Rcode::kNoError) message.rcode = rcode->second;
  if (!query.checking_disabled && IsBelowOne(bogus_, query.name)) message.rcode = Rcode::kServFail;
  if (lame_.count(server) > 0) message.authoritative = false;
  if (message.rcode != Rcode::kNoError || lame_.count(server) > 0) return message;
  message.authenticated = !query.checking_disabled && IsBelowOne(secure_, query.name);
  const auto own = detached_.find(server);
  Fill(own == detached_.end() ? common_ : own->second, query, message);
  return message;
}

void FakeClient::Add(const Record& record) {
  MutexLock lock(&mutex_);
  common_[{record.owner, record.type}].push_back(record);
}

void FakeClient::Remove(const Name& owner, Type type) {
  MutexLock lock(&mutex_);
  common_.erase({owner, type});
}

FakeClient::Records& FakeClient::Own(const Server& server) {
  return detached_.emplace(server, common_).first->second;
}

void FakeClient::Detach(const Server& server) {
  MutexLock lock(&mutex_);
  Own(server);
}

void FakeClient::AddAt(const Server& server, const Record& record) {
  MutexLock lock(&mutex_);
  Own(server)[{record.owner, record.type}].push_back(record);
}

void FakeClient::RemoveAt(const Server& server, const Name& owner, Type type) {
  MutexLock lock(&mutex_);
  Own(server).erase({owner, type});
}

void FakeClient::FailAt(const Server& server, const absl::Status& error) {
  MutexLock lock(&mutex_);
  server_errors_[server] = error;
}

void FakeClient::FailFor(const Name& name, Type type, const absl::Status& error) {
  MutexLock lock(&mutex_);
  errors_[{name, type}] = error;
}

void FakeClient::SayAt(const Server& server, Rcode rcode) {
  MutexLock lock(&mutex_);
  server_rcodes_[server] = rcode;
}

void FakeClient::SayFor(const Name& name, Type type, Rcode rcode) {
  MutexLock lock(&mutex_);
  rcodes_[{name, type}] = rcode;
}

void FakeClient::MakeLame(const Server& server) {
  MutexLock lock(&mutex_);
  lame_.insert(server);
}

void FakeClient::MakeBogus(const Name& name) {
  MutexLock lock(&mutex_);
  bogus_.insert(name);
}

void FakeClient::MakeSecure(const Name& name) {
  MutexLock lock(&mutex_);
  secure_.insert(name);
}

std::vector<FakeClient::Asked> FakeClient::asked() {
  MutexLock lock(&mutex_);
  return asked_;
}

}  // namespace norroy::dns
