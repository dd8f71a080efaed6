#include "common/audit/to_proto.h"

#include "absl/strings/escaping.h"
#include "common/crypto/encoding.h"

namespace norroy::audit {

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

v1::AuditRecord ToProto(const Record& record) {
  const Entry& entry = record.entry;
  v1::AuditRecord proto;
  proto.set_writer(record.writer);
  proto.set_seq(record.seq);
  if (entry.time != absl::InfinitePast()) *proto.mutable_time() = ToTimestamp(entry.time);
  proto.set_principal(entry.principal);
  proto.set_peer(entry.peer);
  proto.set_action(entry.action);
  proto.set_object(entry.object);
  proto.set_detail(entry.detail);
  proto.set_outcome(entry.outcome);
  proto.set_policy_version(entry.policy_version);
  proto.set_request_id(entry.request_id);
  proto.set_trace_id(entry.trace_id);
  proto.set_previous_hash(record.previous_hash);
  proto.set_hash(record.hash);
  proto.set_format(record.format);
  return proto;
}

Record FromProto(const v1::AuditRecord& proto) {
  Record record;
  record.writer = proto.writer();
  record.seq = proto.seq();
  record.format = proto.format();
  record.entry = {.principal = proto.principal(),
                  .action = proto.action(),
                  .object = proto.object(),
                  .detail = proto.detail(),
                  .time = proto.has_time() ? FromTimestamp(proto.time()) : absl::InfinitePast(),
                  .peer = proto.peer(),
                  .outcome = proto.outcome(),
                  .policy_version = proto.policy_version(),
                  .request_id = proto.request_id(),
                  .trace_id = proto.trace_id()};
  record.previous_hash = proto.previous_hash();
  record.hash = proto.hash();
  return record;
}

v1::AuditHead ToProto(const Head& head) {
  v1::AuditHead proto;
  proto.set_writer(head.writer);
  proto.set_seq(head.seq);
  proto.set_hash(absl::HexStringToBytes(head.hash));
  return proto;
}

Head FromProto(const v1::AuditHead& proto) {
  return {.writer = proto.writer(), .seq = proto.seq(), .hash = crypto::Hex(proto.hash())};
}

v1::Checkpoint ToProto(const Checkpoint& checkpoint) {
  v1::Checkpoint proto;
  proto.set_body(checkpoint.body);
  proto.set_signature(checkpoint.signature);
  for (const std::string& der : checkpoint.chain) proto.add_certificate_chain(der);
  return proto;
}

Checkpoint FromProto(const v1::Checkpoint& proto) {
  Checkpoint checkpoint{.body = proto.body(), .signature = proto.signature(), .chain = {}};
  for (const std::string& der : proto.certificate_chain()) checkpoint.chain.push_back(der);
  return checkpoint;
}

}  // namespace norroy::audit
