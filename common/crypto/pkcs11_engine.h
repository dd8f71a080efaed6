#ifndef NORROY_COMMON_CRYPTO_PKCS11_ENGINE_H_
#define NORROY_COMMON_CRYPTO_PKCS11_ENGINE_H_

// Keys in PKCS#11 tokens (HSMs, smart cards, SoftHSM), through libengine-pkcs11. That is an OpenSSL
// ENGINE, an interface that OpenSSL 3 calls deprecated: nothing outside this file's .cc knows of
// it. It loads shared objects, so the process must be linked with the shared libcrypto.
//
// A process has one engine and one module, for its whole life: OpenSSL binds the engine once, and
// the engine lets go of no key it has opened. Calls to the token come one at a time.
//
// No Ed25519 key may lie in the token: libengine-pkcs11 0.4.12 then finds none of its keys.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/crypto/key_uri.h"
#include "common/crypto/secret.h"
#include "common/crypto/signer.h"

namespace norroy::crypto {

// What the engine keeps of a PIN.
inline constexpr size_t kMaxPin = 32;

// The key of that URI (`uri.in_token()`), in the token that the module (a shared object, by
// absolute path) leads to; it has signed once when this returns. A PIN is tried once, since tokens
// lock themselves after a few wrong ones; a token that is open already is not asked again.
//
// FAILED_PRECONDITION, reason NO_ENGINE (libengine-pkcs11 or the module is not there, or another
// module is loaded); NOT_FOUND, reason NO_TOKEN or NO_TOKEN_KEY; PERMISSION_DENIED, reason
// WRONG_PIN; INVALID_ARGUMENT, reason BAD_KEY: a kind of key that PublicKey refuses; UNAVAILABLE,
// reason TOKEN_FAILED: anything else that the token says.
//
// A token that goes away and comes back signs again where its module kept the session. Many
// modules do not (SoftHSM neither): then every call is TOKEN_FAILED until the process starts anew.
absl::StatusOr<std::unique_ptr<Signer>> OpenTokenSigner(const std::string& module,
                                                        const KeyUri& uri, const Secret& pin);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_PKCS11_ENGINE_H_
