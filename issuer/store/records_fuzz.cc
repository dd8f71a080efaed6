// Records of rows, damaged in any way: they are refused as lost data, or what was read is written
// and read again unchanged. The input is 'o', 'c' or 'a' (an order, a certificate, an account) and
// the bytes of the record.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "common/error/error.h"
#include "issuer/store/order_record.pb.h"
#include "issuer/store/records.h"
#include "tests/fuzz/proto_mutator.h"

namespace {

namespace store = norroy::store;

template <typename Parse, typename Bytes>
void Check(absl::string_view input, Parse parse, Bytes bytes) {
  const auto value = parse(input);
  if (!value.ok()) {
    NORROY_CHECK(absl::IsDataLoss(value.status()));
    NORROY_CHECK(norroy::ErrorReason(value.status()) == "BAD_RECORD");
    NORROY_CHECK(norroy::Printable(value.status().message(), 8192) == value.status().message());
    return;
  }
  const std::string written = bytes(*value);
  const auto again = parse(written);
  NORROY_CHECK(again.ok() && bytes(*again) == written);
}

void CheckOrder(absl::string_view input) {
  Check(input, store::ParseOrder, store::OrderBytes);
  const absl::StatusOr<norroy::flow::Order> order = store::ParseOrder(input);
  if (!order.ok()) return;
  NORROY_CHECK(!order->names.empty());
#ifdef PLANTED
  NORROY_CHECK(order->restarts < 100 || order->failed_types.empty());
#endif
}

template <typename Record>
bool Mutate(std::string& bytes, unsigned seed) {
  Record record;
  if (!record.ParseFromString(bytes)) return false;
  norroy::fuzz::MutateOneField(record, seed);
  bytes = record.SerializeAsString();
  return true;
}

bool MutateRecord(char kind, std::string& bytes, unsigned seed) {
  if (kind == 'o') return Mutate<store::v1::OrderRecord>(bytes, seed);
  if (kind == 'c') return Mutate<store::v1::CertificateRecord>(bytes, seed);
  return Mutate<store::v1::AccountRecord>(bytes, seed);
}

}  // namespace

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  if (size < 2 || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!MutateRecord(static_cast<char>(data[0]), bytes, seed) || bytes.size() >= max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::copy(bytes.begin(), bytes.end(), data + 1);
  return bytes.size() + 1;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return -1;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'o':
      CheckOrder(input);
      return 0;
    case 'c':
      Check(input, store::ParseCertificate, store::CertificateBytes);
      return 0;
    case 'a':
      Check(input, store::ParseAccount, store::AccountBytes);
      return 0;
    default:
      return -1;
  }
}
