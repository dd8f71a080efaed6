#ifndef NORROY_ISSUER_STORE_RECORD_FIELDS_H_
#define NORROY_ISSUER_STORE_RECORD_FIELDS_H_

// The fields that several records have: moments, names, lists and maps of texts.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "issuer/store/order_record.pb.h"

namespace norroy::store {

using Texts = google::protobuf::RepeatedPtrField<std::string>;
using Pairs = google::protobuf::RepeatedPtrField<v1::Pair>;

// DATA_LOSS, reason BAD_RECORD.
absl::Status BadRecord(absl::string_view what);

void SetMoment(absl::Time time, v1::Moment& moment);
absl::Time TimeOf(const v1::Moment& moment);

void SetTexts(const std::vector<std::string>& texts, Texts& out);
std::vector<std::string> TextsOf(const Texts& texts);

void SetPairs(const std::map<std::string, std::string>& map, Pairs& out);
std::map<std::string, std::string> MapOf(const Pairs& pairs);

void SetNames(const std::vector<challenge::Name>& names, Texts& out);
absl::StatusOr<challenge::Name> NameOf(const std::string& text);
absl::StatusOr<std::vector<challenge::Name>> NamesOf(const Texts& texts);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_RECORD_FIELDS_H_
