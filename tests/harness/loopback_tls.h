#ifndef NORROY_TESTS_HARNESS_LOOPBACK_TLS_H_
#define NORROY_TESTS_HARNESS_LOOPBACK_TLS_H_

// Key and certificate of a server on 127.0.0.1, under a root of its own, good for a day.

#include <string>

#include "common/crypto/certificate.h"
#include "common/crypto/key.h"

namespace norroy::harness {

struct LoopbackTls {
  crypto::Certificate root;
  crypto::Certificate certificate;
  crypto::PrivateKey key;
};

LoopbackTls MakeLoopbackTls(const std::string& name);

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_LOOPBACK_TLS_H_
