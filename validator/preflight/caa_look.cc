#include "validator/preflight/caa_look.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "validator/preflight/issue_value.h"
#include "validator/preflight/lookup.h"

namespace norroy::validator::preflight {
namespace {

constexpr size_t kMaxShown = 5;

// RFC 8659 4.1.1: what a CA need not understand, it need not fear.
bool IsKnown(absl::string_view tag) {
  static const std::set<absl::string_view> known = {
      "issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"};
  return known.count(tag) > 0;
}

std::string Shown(const std::vector<dns::Record>& records) {
  std::vector<std::string> texts;
  for (const dns::Record& record : records) {
    if (texts.size() == kMaxShown) {
      texts.push_back(absl::StrCat("and ", records.size() - kMaxShown, " more"));
      break;
    }
    texts.push_back(absl::StrCat(record.caa.critical ? "critical " : "",
                                 Printable(record.caa.tag, 16), " ", Said(record.caa.value)));
  }
  return absl::StrJoin(texts, ", ");
}

// How close one record comes to allowing us; the closest counts.
enum class Fit { kOtherIssuer, kOtherAccount, kOtherMethod, kAllows };

Fit FitOf(const std::string& text, challenge::ChallengeType method, const CaFacts& ca) {
  const std::optional<IssueValue> value = ParseIssueValue(text);
  if (!value.has_value()) return Fit::kOtherIssuer;
  const bool ours =
      std::any_of(ca.identities.begin(), ca.identities.end(), [&](const std::string& identity) {
        return !identity.empty() && absl::EqualsIgnoreCase(identity, value->issuer);
      });
  if (!ours) return Fit::kOtherIssuer;
  // RFC 8657 3: the same URI, byte for byte.
  const std::string* account = value->Find("accounturi");
  if (account != nullptr && !ca.account_uri.empty() && *account != ca.account_uri) {
    return Fit::kOtherAccount;
  }
  // RFC 8657 4: a list by commas.
  const std::string* methods = value->Find("validationmethods");
  if (methods == nullptr) return Fit::kAllows;
  for (const absl::string_view one : absl::StrSplit(*methods, ',')) {
    if (one == challenge::ChallengeTypeName(method)) return Fit::kAllows;
  }
  return Fit::kOtherMethod;
}

// The records that hold for a name (RFC 8659 3) and where they stand.
struct Relevant {
  dns::Name owner;
  std::vector<dns::Record> records;
};

class Looking {
 public:
  Looking(const Viewpoint& viewpoint, const challenge::Name& name, challenge::ChallengeType method,
          const CaFacts& ca, const Deadline& deadline)
      : viewpoint_(viewpoint), name_(name), method_(method), ca_(ca), deadline_(deadline) {}

  Sight Run() {
    if (Climb() && !relevant_.records.empty()) Judge();
    return sight_;
  }

 private:
  bool Climb();
  void Judge();
  void JudgeIssue();
  void Refuse(Fit best);

  const Viewpoint& viewpoint_;
  const challenge::Name& name_;
  const challenge::ChallengeType method_;
  const CaFacts& ca_;
  const Deadline& deadline_;
  Relevant relevant_;
  Sight sight_;
};

// RFC 8659 3: at the name, else at its parent, and so on up to the top-level domain.
bool Looking::Climb() {
  absl::StatusOr<dns::Name> name = dns::Name::Parse(name_.identifier().value());
  if (!name.ok()) return false;
  for (dns::Name at = *name; !at.is_root(); at = at.parent()) {
    const auto message = AskResolvers(viewpoint_, {.name = at, .type = dns::Type::kCaa}, deadline_);
    if (absl::IsCancelled(message.status())) {
      sight_.CutShort(absl::StrCat("the CAA records of ", at.text(), " could be read"));
      return false;
    }
    if (!message.ok()) {
      sight_.Fail("CAA_UNREADABLE",
                  absl::StrCat("the CAA records of ", at.text(),
                               " cannot be read: ", Printable(message.status().message())),
                  "let the zone's name servers answer questions of type CAA (an empty answer will "
                  "do): a CA refuses to issue when it gets none (RFC 8659 3)");
      return false;
    }
    relevant_ = {at, FollowedAnswers(*message, at, dns::Type::kCaa)};
    if (!relevant_.records.empty()) return true;
  }
  return true;
}

void Looking::Judge() {
  for (const dns::Record& record : relevant_.records) {
    if (!record.caa.critical || IsKnown(record.caa.tag)) continue;
    sight_.Fail("CAA_CRITICAL",
                absl::StrCat("a CAA record at ", relevant_.owner.text(),
                             " is critical and of the "
                             "unknown tag ",
                             Said(record.caa.tag)),
                "remove this record or its critical flag (128)");
  }
  if (ca_.identities.empty()) {
    sight_.Info("CAA_SEEN",
                absl::StrCat("CAA at ", relevant_.owner.text(), ": ", Shown(relevant_.records)));
    return;
  }
  JudgeIssue();
}

void Looking::JudgeIssue() {
  // RFC 8659 4.3: for a wildcard, issuewild records alone count if there are any.
  const auto has = [this](absl::string_view tag) {
    return std::any_of(relevant_.records.begin(), relevant_.records.end(),
                       [tag](const dns::Record& record) { return record.caa.tag == tag; });
  };
  const absl::string_view tag = name_.wildcard() && has("issuewild") ? "issuewild" : "issue";
  // RFC 8659 4.2: without any, everybody may.
  if (!has(tag)) return;
  Fit best = Fit::kOtherIssuer;
  for (const dns::Record& record : relevant_.records) {
    if (record.caa.tag == tag) best = std::max(best, FitOf(record.caa.value, method_, ca_));
  }
  if (best != Fit::kAllows) Refuse(best);
}

void Looking::Refuse(Fit best) {
  const std::string at =
      absl::StrCat("CAA at ", relevant_.owner.text(), " (", Shown(relevant_.records), ")");
  const std::string tag = name_.wildcard() ? "issuewild or issue" : "issue";
  switch (best) {
    case Fit::kOtherAccount:
      sight_.Fail("CAA_ACCOUNT", absl::StrCat(at, " names another account of the CA"),
                  absl::StrCat("set its accounturi to ", Printable(ca_.account_uri, 256),
                               ", or remove that parameter"));
      return;
    case Fit::kOtherMethod:
      sight_.Fail("CAA_METHOD",
                  absl::StrCat(at, " does not allow ", challenge::ChallengeTypeName(method_)),
                  absl::StrCat("add ", challenge::ChallengeTypeName(method_),
                               " to its validationmethods, or prove the name by a method that is "
                               "there"));
      return;
    default:
      sight_.Fail("CAA_FORBIDS", absl::StrCat(at, " does not let this CA issue for ", name_.text()),
                  absl::StrCat("add a CAA record there: ", tag, " \"",
                               Printable(ca_.identities.front(), 253), "\""));
      return;
  }
}

}  // namespace

Sight CaaLook(const Viewpoint& viewpoint, const challenge::Name& name,
              challenge::ChallengeType method, const CaFacts& ca, const Deadline& deadline) {
  if (name.identifier().type() == challenge::IdentifierType::kIp) return {};
  return Looking(viewpoint, name, method, ca, deadline).Run();
}

}  // namespace norroy::validator::preflight
