// What a reply's TXT set may be, whatever came in, and that writing it says the same: see
// txt_set.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/powerdns/txt_set.h"
#include "common/check.h"

namespace norroy::agent {
namespace {

const dns::Name& Owner() {
  static const dns::Name owner = *dns::Name::Parse("a.test");
  return owner;
}

// As a zone that holds the set: REPLACE and a reply differ by one member alone.
void WrittenMeansTheSame(const TxtSet& set) {
  if (set.records.empty()) {
    NORROY_CHECK(absl::StrContains(ReplaceBody(Owner(), set), "\"DELETE\""));
    return;
  }
  const auto again = ReadTxtSet(ReplaceBody(Owner(), set), Owner());
  NORROY_CHECK(again.ok());
  NORROY_CHECK(again->ttl == set.ttl && again->records == set.records);
}

void ChangeOfOneValueKeepsTheOthers(const TxtSet& set, absl::string_view value) {
  const TxtSet with = set.With(value, 60);
  NORROY_CHECK(with.Serves(value));
  NORROY_CHECK(with.Without(value).records == set.Without(value).records);
  NORROY_CHECK(!with.Without(value).Has(value));
  NORROY_CHECK(set.records.empty() || with.ttl == set.ttl);
}

void UnquotingNeverGrows(absl::string_view content) {
  const auto text = UnquotedTxt(content);
  if (!text.has_value()) return;
  NORROY_CHECK(text->size() <= content.size());
  if (IsTxtValue(*text)) NORROY_CHECK(UnquotedTxt(QuotedTxt(*text)) == text);
#ifdef PLANTED
  // False: \DDD makes any byte out of plain digits.
  for (const char c : content) {
    if (static_cast<unsigned char>(c) >= 0x80) return;
  }
  for (const char c : *text) NORROY_CHECK(static_cast<unsigned char>(c) < 0x80);
#endif
}

}  // namespace
}  // namespace norroy::agent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::agent;  // NOLINT: a fuzz twin's whole body
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  UnquotingNeverGrows(text);
  if (IsTxtValue(text)) {
    const auto unquoted = UnquotedTxt(QuotedTxt(text));
    NORROY_CHECK(unquoted.has_value() && *unquoted == text);
  }
  const auto set = ReadTxtSet(text, Owner());
  if (!set.ok()) {
    NORROY_CHECK(!set.status().message().empty());
    // What is no zone may be another reply.
    (void)ServerExtends(text);
    (void)ErrorOf(text);
    return 0;
  }
  NORROY_CHECK(set->records.size() <= kMaxTxtRecords && set->ttl <= 0x7fffffff);
  WrittenMeansTheSame(*set);
  ChangeOfOneValueKeepsTheOthers(*set, "value");
  return 0;
}
