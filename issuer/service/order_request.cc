#include "issuer/service/order_request.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"
#include "issuer/service/fields.h"
#include "issuer/service/idna.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

using challenge::Name;
using issuer::v1::CreateOrderRequest;

absl::Status CheckText(absl::string_view field, absl::string_view text, size_t max) {
  if (text.size() > max) {
    return BadField(field,
                    absl::StrCat("has ", text.size(), " bytes; at most ", max, " are allowed"));
  }
  if (Printable(text, max * 4) != text) {
    return BadField(field, "contains control characters or is not UTF-8");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Name>> ParseNameFields(const CreateOrderRequest& request) {
  if (request.names_size() > challenge::kMaxNamesPerOrder) {
    return BadField("names", absl::StrCat("has ", request.names_size(), " entries; at most ",
                                          challenge::kMaxNamesPerOrder, " are allowed"));
  }
  if (request.names().empty()) return BadField("names", "is empty; give 1 to 100 names");
  std::vector<std::string> texts;
  for (int i = 0; i < request.names_size(); ++i) {
    absl::StatusOr<std::string> ascii = ToAscii(request.names(i));
    const absl::Status status = ascii.ok() ? Name::Parse(*ascii).status() : ascii.status();
    if (!status.ok()) return WithContext(status, absl::StrCat("names[", i, "]"));
    texts.push_back(*std::move(ascii));
  }
  return challenge::ParseNames(texts);
}

absl::Status CheckRequestId(absl::string_view id) {
  const bool characters = std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (characters && id.size() <= kMaxRequestId) return absl::OkStatus();
  return BadField("request_id",
                  absl::StrCat("must be 1 to ", kMaxRequestId, " characters of [A-Za-z0-9._-]"));
}

absl::Status CheckLabels(const google::protobuf::Map<std::string, std::string>& labels) {
  if (labels.size() > kMaxLabels) {
    return BadField("labels", absl::StrCat("has ", labels.size(), " entries; at most ", kMaxLabels,
                                           " are allowed"));
  }
  for (const auto& [key, value] : labels) {
    if (key.empty()) return BadField("labels", "has an empty key");
    NORROY_RETURN_IF_ERROR(CheckText("labels: a key", key, kMaxLabelKey));
    NORROY_RETURN_IF_ERROR(CheckText(absl::StrCat("labels[\"", key, "\"]"), value, kMaxLabelValue));
  }
  return absl::OkStatus();
}

absl::Status CheckFinalizer(absl::string_view field, absl::string_view principal) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(principal, absl::MaxSplits('/', 1));
  const bool role = parts.first == "operator" || parts.first == "requester";
  if (!role || !identity::CheckResourceName("name", parts.second).ok()) {
    return BadField(field, absl::StrCat("is \"", Printable(principal, 128),
                                        "\"; write \"operator/NAME\" or \"requester/NAME\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ParseFinalizers(const CreateOrderRequest& request) {
  if (request.finalizers_size() > kMaxFinalizers) {
    return BadField("finalizers",
                    absl::StrCat("has ", request.finalizers_size(), " entries; at most ",
                                 kMaxFinalizers, " are allowed"));
  }
  std::vector<std::string> finalizers;
  for (int i = 0; i < request.finalizers_size(); ++i) {
    NORROY_RETURN_IF_ERROR(
        CheckFinalizer(absl::StrCat("finalizers[", i, "]"), request.finalizers(i)));
    finalizers.push_back(request.finalizers(i));
  }
  std::sort(finalizers.begin(), finalizers.end());
  finalizers.erase(std::unique(finalizers.begin(), finalizers.end()), finalizers.end());
  return finalizers;
}

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

absl::Status CheckKeyHash(absl::string_view hash) {
  if (hash.empty() || (hash.size() == 64 && IsLowerHex(hash))) return absl::OkStatus();
  return BadField("public_key_sha256",
                  "must be 64 lower-case hexadecimal digits: the SHA-256 of the "
                  "SubjectPublicKeyInfo");
}

absl::StatusOr<absl::Time> ParseMoment(absl::string_view field,
                                       const google::protobuf::Timestamp& timestamp, absl::Time now,
                                       absl::Time latest) {
  const absl::Time time = absl::FromUnixSeconds(timestamp.seconds());
  const bool whole = timestamp.nanos() >= 0 && timestamp.nanos() < 1'000'000'000;
  if (!whole || time <= now || time > latest) {
    return BadField(
        field, absl::StrCat("must be later than now and at most ", (latest - now) / absl::Hours(24),
                            " days away: ", absl::FormatTime(now, absl::UTCTimeZone()), " to ",
                            absl::FormatTime(latest, absl::UTCTimeZone())));
  }
  return time;
}

absl::StatusOr<absl::Time> ParseExpireTime(const CreateOrderRequest& request, absl::Time now) {
  if (!request.has_expire_time()) return now + kDefaultOrderLifetime;
  return ParseMoment("expire_time", request.expire_time(), now, now + kMaxOrderLifetime);
}

absl::Status CheckTexts(const CreateOrderRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckText("profile", request.profile(), kMaxProfile));
  NORROY_RETURN_IF_ERROR(
      CheckText("preferred_chain", request.preferred_chain(), kMaxPreferredChain));
  NORROY_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  NORROY_RETURN_IF_ERROR(CheckLabels(request.labels()));
  return CheckKeyHash(request.public_key_sha256());
}

std::string Difference(const std::vector<Name>& all, const std::vector<Name>& without) {
  std::vector<Name> rest;
  std::set_difference(all.begin(), all.end(), without.begin(), without.end(),
                      std::back_inserter(rest));
  constexpr size_t kShown = 5;
  const size_t shown = std::min(rest.size(), kShown);
  std::string text = absl::StrJoin(rest.begin(), rest.begin() + shown, ", ",
                                   [](std::string* out, const Name& name) { *out += name.text(); });
  if (rest.size() > shown) absl::StrAppend(&text, " and ", rest.size() - shown, " more");
  return text;
}

absl::Status CheckNames(const std::vector<Name>& order, const std::vector<Name>& csr) {
  if (order == csr) return absl::OkStatus();
  const std::string missing = Difference(order, csr);
  const std::string extra = Difference(csr, order);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CSR",
                   absl::StrCat("csr: its subjectAltName must have exactly the order's names; ",
                                missing.empty() ? "" : absl::StrCat("missing: ", missing),
                                missing.empty() || extra.empty() ? "" : "; ",
                                extra.empty() ? "" : absl::StrCat("not ordered: ", extra)),
                   {{"field", "csr"}});
}

}  // namespace

absl::StatusOr<crypto::Csr> ParseCsrFor(const flow::Order& order, absl::string_view pem_or_der) {
  absl::StatusOr<crypto::Csr> csr = crypto::Csr::Parse(pem_or_der);
  if (!csr.ok()) return WithContext(csr.status(), "csr");
  NORROY_RETURN_IF_ERROR(CheckNames(order.names, csr->names()));
  const std::string& hash = csr->public_key().spki_sha256();
  if (!order.public_key_sha256.empty() && order.public_key_sha256 != hash) {
    return MakeError(absl::StatusCode::kInvalidArgument, "KEY_MISMATCH",
                     absl::StrCat("csr: its key has SHA-256 ", hash,
                                  ", the order was made for the key ", order.public_key_sha256),
                     {{"field", "csr"}});
  }
  return csr;
}

absl::StatusOr<OrderRequest> ParseOrderRequest(const CreateOrderRequest& request, absl::Time now) {
  NORROY_RETURN_IF_ERROR(CheckTexts(request));
  OrderRequest parsed;
  flow::Order& order = parsed.order;
  NORROY_ASSIGN_OR_RETURN(order.names, ParseNameFields(request));
  NORROY_ASSIGN_OR_RETURN(order.finalizers, ParseFinalizers(request));
  NORROY_ASSIGN_OR_RETURN(order.expire_time, ParseExpireTime(request, now));
  order.request_id = request.request_id();
  order.request_hash = RequestHash(request);
  order.profile = request.profile();
  order.labels.insert(request.labels().begin(), request.labels().end());
  order.public_key_sha256 = request.public_key_sha256();
  order.preferred_chain = request.preferred_chain();
  order.force_new = request.force_new();
  order.renews = request.renew();
  if (request.has_auto_renew_until()) {
    NORROY_ASSIGN_OR_RETURN(order.auto_renew_until,
                            ParseAutoRenewUntil(request.auto_renew_until(), now));
  }
  if (request.csr().empty()) return parsed;
  NORROY_ASSIGN_OR_RETURN(parsed.csr, ParseCsrFor(order, request.csr()));
  order.csr = parsed.csr->der();
  order.csr_key_sha256 = parsed.csr->public_key().spki_sha256();
  return parsed;
}

absl::StatusOr<absl::Time> ParseAutoRenewUntil(const google::protobuf::Timestamp& timestamp,
                                               absl::Time now) {
  return ParseMoment("auto_renew_until", timestamp, now, now + kMaxAutoRenew);
}

std::string RequestHash(const CreateOrderRequest& request) {
  CreateOrderRequest body = request;
  body.clear_request_id();
  body.clear_expire_time();
  body.clear_auto_renew_until();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    NORROY_CHECK(body.SerializeToCodedStream(&coded));
  }
  return crypto::Hex(crypto::Sha256(bytes));
}

absl::Status CheckId(absl::string_view what, absl::string_view id) {
  if (id.size() == 32 && IsLowerHex(id)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "NOT_FOUND",
                   absl::StrCat("there is no ", what, " \"", Printable(id, 64),
                                "\" (ids are 32 hexadecimal digits)"));
}

}  // namespace norroy::service
