#include "common/dns/update.h"

// ldns defines bool, true and false as macros unless stdbool.h came before.
// clang-format off
#include <stdbool.h>
#include <ldns/ldns.h>
// clang-format on

#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/dns/transport.h"
#include "common/dns/wire.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::dns {
namespace {

constexpr uint16_t kFudgeSeconds = 300;  // RFC 8945 10
constexpr size_t kMaxTxtString = 255;    // RFC 1035 3.3
constexpr size_t kMaxKeyBytes = 512;
// The fields of a TSIG record (RFC 8945 4.2).
constexpr size_t kTsigAlgorithm = 0;
constexpr size_t kTsigMac = 3;
constexpr size_t kTsigError = 5;
constexpr size_t kTsigOther = 6;

struct Free {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(uint8_t* bytes) const { free(bytes); }
  void operator()(char* text) const { free(text); }
};
using Packet = std::unique_ptr<ldns_pkt, Free>;

const char* AlgorithmName(TsigAlgorithm algorithm) {
  return algorithm == TsigAlgorithm::kHmacSha512 ? "hmac-sha512." : "hmac-sha256.";
}

// The key as ldns takes it: a C string.
crypto::Secret Base64(const crypto::Secret& secret) {
  std::string text;
  absl::Base64Escape(secret.Expose(), &text);
  text.push_back('\0');
  return crypto::Secret::Take(text);
}

absl::Status Failed(absl::string_view reason, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, what);
}

absl::Status Invalid(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_UPDATE", what);
}

absl::Status NoAnswer(absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DNS_MESSAGE",
                   absl::StrCat("what came is no answer to the update: ", why));
}

absl::Status Check(const TxtChange& change, const TsigKey& key) {
  if (change.value.size() > kMaxTxtString) return Invalid("a TXT value has at most 255 bytes");
  if (!change.owner.IsWithin(change.zone)) {
    return Invalid(
        absl::StrCat(change.owner.absolute(), " is not in the zone ", change.zone.absolute()));
  }
  if (key.secret.empty() || key.secret.Expose().size() > kMaxKeyBytes) {
    return Invalid(absl::StrCat("the TSIG key ", key.name.absolute(), " has ",
                                key.secret.Expose().size(), " bytes; 1 to ", kMaxKeyBytes,
                                " are allowed"));
  }
  return absl::OkStatus();
}

// RFC 2136 2: one zone, no prerequisites, one change.
std::string Encode(const TxtChange& change, uint16_t id) {
  std::string bytes;
  AppendHeader({.id = id, .flags = kOpcodeUpdate, .questions = 1, .authority = 1}, bytes);
  AppendQuestion(change.zone, static_cast<uint16_t>(Type::kSoa), bytes);
  AppendName(change.owner, bytes);
  AppendU16(static_cast<uint16_t>(Type::kTxt), bytes);
  // RFC 2136 2.5.1 adds a record; 2.5.4 removes one: class NONE, no time to live.
  AppendU16(change.add ? kClassIn : kClassNone, bytes);
  AppendU32(change.add ? change.ttl : 0, bytes);
  AppendU16(static_cast<uint16_t>(change.value.size() + 1), bytes);
  bytes.push_back(static_cast<char>(change.value.size()));
  absl::StrAppend(&bytes, change.value);
  return bytes;
}

Packet Decode(absl::string_view bytes) {
  ldns_pkt* packet = nullptr;
  const ldns_status status =
      ldns_wire2pkt(&packet, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return Packet(status == LDNS_STATUS_OK ? packet : nullptr);
}

struct Signed {
  Packet packet;  // holds the MAC that the answer's MAC covers
  std::string bytes;
};

absl::StatusOr<Signed> Sign(absl::string_view message, const TsigKey& key,
                            const crypto::Secret& secret) {
  Signed made;
  made.packet = Decode(message);
  if (made.packet == nullptr) return absl::InternalError("the update cannot be signed");
  ldns_status status =
      ldns_pkt_tsig_sign(made.packet.get(), key.name.absolute().c_str(), secret.Expose().data(),
                         kFudgeSeconds, AlgorithmName(key.algorithm), nullptr);
  uint8_t* wire = nullptr;
  size_t size = 0;
  if (status == LDNS_STATUS_OK) status = ldns_pkt2wire(&wire, made.packet.get(), &size);
  const std::unique_ptr<uint8_t, Free> owned(wire);
  if (status != LDNS_STATUS_OK) {
    return absl::InternalError(
        absl::StrCat("the update cannot be signed: ", ldns_get_errorstr_by_id(status)));
  }
  made.bytes.assign(reinterpret_cast<const char*>(wire), size);
  return made;
}

std::string TextOf(const ldns_rdf* field) {
  const std::unique_ptr<char, Free> text(ldns_rdf2str(field));
  return text == nullptr ? "" : text.get();
}

// The content of a field that has its length in front.
absl::string_view CountedBytes(const ldns_rr* tsig, size_t field) {
  const ldns_rdf* const rdf = ldns_rr_rdf(tsig, field);
  if (rdf == nullptr || ldns_rdf_size(rdf) < 2) return {};
  return {reinterpret_cast<const char*>(ldns_rdf_data(rdf)) + 2, ldns_rdf_size(rdf) - 2};
}

Rcode TsigErrorOf(const ldns_rr* tsig) {
  return static_cast<Rcode>(ldns_rdf2native_int16(ldns_rr_rdf(tsig, kTsigError)));
}

// RFC 8945 5.2.3: a BADTIME answer's other data is the server's clock, 48 bits of seconds.
std::string ClockDifference(const ldns_rr* tsig) {
  const absl::string_view other = CountedBytes(tsig, kTsigOther);
  if (other.size() != 6) return "the server does not say what its clock shows";
  WireReader reader(other);
  const int64_t high = reader.U16();
  const absl::Time theirs = absl::FromUnixSeconds(high << 32 | reader.U32());
  const int64_t ahead = absl::ToInt64Seconds(theirs - SystemClock().Now());
  return absl::StrCat("the server's clock is ", ahead < 0 ? -ahead : ahead, " seconds ",
                      ahead < 0 ? "behind" : "ahead of", " this host's");
}

// What a TSIG error says (RFC 8945 5.2).
absl::Status TsigFailure(const ldns_rr* tsig, const TsigKey& key) {
  const Rcode error = TsigErrorOf(tsig);
  const std::string what =
      absl::StrCat("TSIG key ", key.name.absolute(), " (", AlgorithmName(key.algorithm), "): ");
  switch (error) {
    case Rcode::kBadKey:
      return Failed("TSIG_BADKEY", absl::StrCat(what,
                                                "the server says BADKEY: it has no key of "
                                                "this name and algorithm"));
    case Rcode::kBadSig:
      return Failed("TSIG_BADSIG", absl::StrCat(what,
                                                "the server says BADSIG: its key of this "
                                                "name has another secret"));
    case Rcode::kBadTime:
      return Failed("TSIG_BADTIME",
                    absl::StrCat(what, "the server says BADTIME: ", ClockDifference(tsig),
                                 "; 300 are allowed: mend the clock that is wrong"));
    default:
      return Failed("UPDATE_FAILED", absl::StrCat(what, "the server says ", RcodeName(error)));
  }
}

absl::Status RcodeFailure(Rcode rcode, const TxtChange& change, const TsigKey& key) {
  const std::string zone = change.zone.absolute();
  switch (rcode) {
    case Rcode::kNoError:
      return absl::OkStatus();
    case Rcode::kRefused:
      return Failed(
          "UPDATE_REFUSED",
          absl::StrCat("REFUSED: the server's policy must allow the key ", key.name.absolute(),
                       " to update TXT of ", change.owner.absolute(), " in the zone ", zone));
    case Rcode::kNotAuth:
      return Failed("UPDATE_NOTAUTH", absl::StrCat("NOTAUTH: the server is not the primary of a "
                                                   "zone ",
                                                   zone, " (name zones as it has them)"));
    case Rcode::kNotZone:
      return Failed("UPDATE_NOTZONE",
                    absl::StrCat("NOTZONE: to the server ", change.owner.absolute(),
                                 " is not in its zone ", zone));
    default:
      return Failed("UPDATE_FAILED", absl::StrCat("the server says ", RcodeName(rcode)));
  }
}

absl::Status Unsigned(Rcode rcode) {
  return Failed("TSIG_BADSIG",
                absl::StrCat("the server's answer (", RcodeName(rcode),
                             ") is not signed by the key: it takes no updates signed by TSIG, or "
                             "somebody else answers"));
}

bool Verifies(const ldns_rr* tsig, const Packet& reply, absl::string_view bytes,
              const Signed& request, const TsigKey& key, const crypto::Secret& secret) {
  // ldns takes the algorithm from the answer: it must be ours.
  const auto owner = Name::Parse(TextOf(ldns_rr_owner(tsig)));
  if (!owner.ok() || *owner != key.name) return false;
  const auto algorithm = Name::Parse(TextOf(ldns_rr_rdf(tsig, kTsigAlgorithm)));
  if (!algorithm.ok() || algorithm->absolute() != AlgorithmName(key.algorithm)) return false;
  return ldns_pkt_tsig_verify(reply.get(), reinterpret_cast<const uint8_t*>(bytes.data()),
                              bytes.size(), key.name.absolute().c_str(), secret.Expose().data(),
                              ldns_rr_rdf(ldns_pkt_tsig(request.packet.get()), kTsigMac));
}

absl::Status Judge(absl::string_view bytes, uint16_t id, const Signed& request,
                   const TxtChange& change, const TsigKey& key, const crypto::Secret& secret) {
  WireReader reader(bytes);
  const Header header = reader.ReadHeader();
  if (!reader.ok() || !header.is_reply() || header.opcode() != 5 || header.id != id) {
    return NoAnswer("it has another id or is no answer to an update");
  }
  if (header.records() > kMaxRecords) return NoAnswer("it has too many records");
  const Packet reply = Decode(bytes);
  if (reply == nullptr) return NoAnswer("it is cut or malformed");
  const Rcode rcode = static_cast<Rcode>(header.rcode());
  const ldns_rr* const tsig = ldns_pkt_tsig(reply.get());
  if (tsig == nullptr || ldns_rr_rd_count(tsig) != kTsigOther + 1) return Unsigned(rcode);
  const bool error = TsigErrorOf(tsig) != Rcode::kNoError;
  // RFC 8945 5.3.2: an error over key or signature comes without a MAC; it is believed, as it can
  // do no more than fail the update.
  if (error && CountedBytes(tsig, kTsigMac).empty()) return TsigFailure(tsig, key);
  if (!Verifies(tsig, reply, bytes, request, key, secret)) return Unsigned(rcode);
  if (error) return TsigFailure(tsig, key);
  return RcodeFailure(rcode, change, key);
}

class TsigUpdater final : public Updater {
 public:
  TsigUpdater(Server server, TsigKey key) : server_(std::move(server)), key_(std::move(key)) {}

  absl::Status Change(const TxtChange& change, absl::Duration timeout) override {
    const absl::Status done = Try(change, Deadline::After(timeout));
    if (done.ok()) return done;
    return WithContext(done,
                       absl::StrCat(change.add ? "adding to" : "removing from", " TXT of ",
                                    change.owner.absolute(), " at DNS server ", server_.text()));
  }

 private:
  absl::Status Try(const TxtChange& change, const Deadline& deadline) {
    NORROY_RETURN_IF_ERROR(Check(change, key_));
    const crypto::Secret secret = Base64(key_.secret);
    crypto::SystemRandom random;
    const uint16_t id = WireReader(random.Bytes(2)).U16();
    NORROY_ASSIGN_OR_RETURN(const Signed request, Sign(Encode(change, id), key_, secret));
    NORROY_ASSIGN_OR_RETURN(const std::string reply,
                            ExchangeByTcp(server_, request.bytes, deadline));
    return Judge(reply, id, request, change, key_, secret);
  }

  const Server server_;
  const TsigKey key_;
};

}  // namespace

std::unique_ptr<Updater> MakeUpdater(Server server, TsigKey key) {
  return std::make_unique<TsigUpdater>(std::move(server), std::move(key));
}

}  // namespace norroy::dns
