#include "cli/audit_text.h"

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxField = 1024;

std::string Field(absl::string_view text) {
  return text.empty() ? "-" : Printable(text, kMaxField);
}

std::string PolicyText(int64_t version) {
  return version == 0 ? "" : absl::StrCat("version ", version);
}

std::string ViewText(const types::v1::View& view) {
  std::string text = absl::StrCat(view.viewpoint(), ": ", EnumText(view.verdict()));
  for (const types::v1::Finding& finding : view.findings()) {
    absl::StrAppend(&text, finding.code().empty() ? "" : " ", finding.code());
  }
  return text;
}

}  // namespace

std::string RecordLine(const audit::v1::AuditRecord& record) {
  std::string line = absl::StrCat(TimeText(record.time()), "  ", Field(record.principal()), "  ",
                                  Field(record.action()), "  ", Field(record.object()), "  ",
                                  Field(record.outcome()));
  if (!record.peer().empty()) absl::StrAppend(&line, "  from ", Field(record.peer()));
  if (record.policy_version() != 0) absl::StrAppend(&line, "  policy ", record.policy_version());
  if (!record.request_id().empty()) {
    absl::StrAppend(&line, "  request ", Field(record.request_id()));
  }
  if (!record.detail().empty()) absl::StrAppend(&line, "  ", Field(record.detail()));
  return absl::StrCat(line, "  [", Field(record.writer()), " ", record.seq(), "]\n");
}

std::vector<std::string> WhatIsNotKnown(int64_t unsigned_records, bool compared) {
  std::vector<std::string> unknown;
  if (unsigned_records > 0) {
    unknown.push_back(absl::StrCat(
        unsigned_records, " records lie behind the newest checkpoint: nobody has signed for them"));
  }
  unknown.push_back("whether records that came after the newest checkpoint were cut off");
  unknown.push_back(
      compared
          ? "whether somebody with the database and the process's identity key wrote anew what "
            "came after that which was kept"
          : "whether somebody with the database and the process's identity key wrote all of it "
            "anew: there is nothing kept earlier to compare with");
  unknown.push_back(
      "what the checkpoints of a process are worth from the moment on at which its identity was "
      "stolen");
  return unknown;
}

Fields EvidenceFields(const issuer::v1::Evidence& evidence) {
  const issuer::v1::Certificate& certificate = evidence.certificate();
  return {{"certificate", certificate.id()},
          {"names", ListText(certificate.names())},
          {"serial", certificate.serial()},
          {"key", certificate.public_key_sha256()},
          {"order", certificate.order_id()},
          {"ordered by", evidence.creator()},
          {"under policy", PolicyText(evidence.create_policy_version())},
          {"CSR from", evidence.finalizer()},
          {"CSR under policy", PolicyText(evidence.finalize_policy_version())},
          {"CA", certificate.ca()},
          {"CA's order", evidence.ca_order_url()},
          {"issued", TimeText(certificate.create_time())},
          {"revoked", certificate.has_revoke_time() ? TimeText(certificate.revoke_time()) : ""}};
}

std::string EvidenceNames(const issuer::v1::Evidence& evidence) {
  std::vector<std::vector<std::string>> rows;
  for (const issuer::v1::NameEvidence& name : evidence.names()) {
    std::vector<std::string> views;
    for (const types::v1::View& view : name.views()) views.push_back(ViewText(view));
    rows.push_back({name.name(),
                    name.reused()                                          ? "earlier"
                    : name.type() == types::v1::CHALLENGE_TYPE_UNSPECIFIED ? "-"
                                                                           : EnumText(name.type()),
                    ListText(name.agents()), ListText(views), name.authorization_url()});
  }
  return TableText({"NAME", "PROVED BY", "SERVED BY", "SEEN BY", "AUTHORIZATION"}, rows);
}

}  // namespace norroy::cli
