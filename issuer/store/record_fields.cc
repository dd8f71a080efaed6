#include "issuer/store/record_fields.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::store {
namespace {

const absl::Duration kQuarterNano = absl::Nanoseconds(1) / 4;

}  // namespace

absl::Status BadRecord(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "BAD_RECORD",
                   absl::StrCat("a stored record cannot be read: ", what));
}

void SetMoment(absl::Time time, v1::Moment& moment) {
  // Saturates at both ends, which are the infinite times.
  const int64_t seconds = absl::ToUnixSeconds(time);
  moment.set_seconds(seconds);
  if (seconds == INT64_MAX || seconds == INT64_MIN) return;
  const absl::Duration rest = time - absl::FromUnixSeconds(seconds);
  moment.set_quarter_nanos(static_cast<uint32_t>(rest / kQuarterNano));
}

absl::Time TimeOf(const v1::Moment& moment) {
  if (moment.seconds() == INT64_MAX) return absl::InfiniteFuture();
  if (moment.seconds() == INT64_MIN) return absl::InfinitePast();
  return absl::FromUnixSeconds(moment.seconds()) + kQuarterNano * moment.quarter_nanos();
}

void SetTexts(const std::vector<std::string>& texts, Texts& out) {
  out.Assign(texts.begin(), texts.end());
}

std::vector<std::string> TextsOf(const Texts& texts) { return {texts.begin(), texts.end()}; }

void SetPairs(const std::map<std::string, std::string>& map, Pairs& out) {
  for (const auto& [key, value] : map) {
    v1::Pair& pair = *out.Add();
    pair.set_key(key);
    pair.set_value(value);
  }
}

std::map<std::string, std::string> MapOf(const Pairs& pairs) {
  std::map<std::string, std::string> map;
  for (const v1::Pair& pair : pairs) map[pair.key()] = pair.value();
  return map;
}

void SetNames(const std::vector<challenge::Name>& names, Texts& out) {
  for (const challenge::Name& name : names) *out.Add() = name.text();
}

absl::StatusOr<challenge::Name> NameOf(const std::string& text) {
  absl::StatusOr<challenge::Name> name = challenge::Name::Parse(text);
  if (!name.ok()) return BadRecord(name.status().message());
  return name;
}

absl::StatusOr<std::vector<challenge::Name>> NamesOf(const Texts& texts) {
  std::vector<challenge::Name> names;
  for (const std::string& text : texts) {
    NORROY_ASSIGN_OR_RETURN(challenge::Name name, NameOf(text));
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace norroy::store
