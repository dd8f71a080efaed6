// The ENGINE functions are what libengine-pkcs11 offers; OpenSSL 3 marks all of them deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/crypto/pkcs11_engine.h"

#include <openssl/crypto.h>
#include <openssl/engine.h>
#include <openssl/ui.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/crypto/signature.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::crypto {
namespace {

// CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE, CKR_PIN_LOCKED: the engine hands on the
// module's codes.
constexpr int kPinIncorrect = 0xA0;
constexpr int kPinInvalid = 0xA1;
constexpr int kPinLength = 0xA2;
constexpr int kPinLocked = 0xA4;

absl::Status NoEngine(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_ENGINE", message);
}

absl::Status Failed(absl::string_view where, absl::string_view what) {
  return MakeError(absl::StatusCode::kUnavailable, "TOKEN_FAILED",
                   absl::StrCat(where, ": the token failed: ", what,
                                "; if it is back and this goes on, start this process anew"));
}

// Whose reasons are the PKCS#11 module's own codes. The library's number is given out at run time.
bool IsModuleError(unsigned long error) {
  const char* const library = ERR_lib_error_string(error);
  return library != nullptr && absl::string_view(library) == "PKCS#11 module";
}

// What the module said first in the call that ended; the engine's and OpenSSL's own errors come
// after it and say less.
struct Said {
  int code = 0;  // 0: the module said nothing
  std::string text = "no reason given";
};
Said WhatWasSaid() {
  Said said;
  while (const unsigned long error = ERR_get_error()) {
    const char* const text = ERR_reason_error_string(error);
    if (text != nullptr) said.text = text;
    if (!IsModuleError(error)) continue;
    said.code = ERR_GET_REASON(error);
    break;
  }
  ERR_clear_error();
  return said;
}

// The one engine of this process.
class Engine {
 public:
  static Engine& Instance() {
    // Never destroyed: the engine is ended by OpenSSL, after everything that could still sign.
    static Engine* const engine = new Engine;
    return *engine;
  }

  absl::Status Load(const std::string& module) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<EvpPkeyPtr> OpenKey(const KeyUri& uri, const Secret& pin)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::string> Sign(EVP_PKEY* key, absl::string_view data)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Free(EvpPkeyPtr key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  bool Command(const char* name, const char* value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ENGINE_ctrl_cmd_string(engine_, name, value, 0) == 1;
  }
  EvpPkeyPtr Find(const std::string& uri) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status WhyNot(const KeyUri& uri, const Said& said) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  ENGINE* engine_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::string module_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Engine::Load(const std::string& module) {
  MutexLock lock(&mutex_);
  if (engine_ != nullptr) {
    if (module == module_) return absl::OkStatus();
    return NoEngine(absl::StrCat("the PKCS#11 module ", module_,
                                 " is loaded already; a process can have one: ", module,
                                 " is another"));
  }
  if (access(module.c_str(), R_OK) != 0) {
    return NoEngine(absl::StrCat("PKCS#11 module ", module, ": there is no such file"));
  }
  ERR_clear_error();
  ENGINE_load_dynamic();
  engine_ = ENGINE_by_id("pkcs11");
  // It is asked for its own keys only. Registered, as libcurl's start has all engines registered,
  // it would be asked to make every key of the process, too.
  if (engine_ != nullptr) ENGINE_set_flags(engine_, ENGINE_FLAGS_NO_REGISTER_ALL);
  // QUIET: otherwise it writes to stderr what it thinks of a URI.
  const bool ready = engine_ != nullptr && Command("QUIET", nullptr) &&
                     Command("MODULE_PATH", module.c_str()) && ENGINE_init(engine_) == 1;
  if (ready) {
    module_ = module;
    return absl::OkStatus();
  }
  if (engine_ != nullptr) ENGINE_free(engine_);
  engine_ = nullptr;
  return NoEngine(absl::StrCat(
      "OpenSSL's engine \"pkcs11\" cannot be loaded (Debian: libengine-pkcs11-openssl): ",
      WhatWasSaid().text));
}

EvpPkeyPtr Engine::Find(const std::string& uri) {
  ERR_clear_error();
  // The user interface is one that answers nothing: a daemon must not ask for a PIN on a terminal.
  return EvpPkeyPtr(
      ENGINE_load_private_key(engine_, uri.c_str(), const_cast<UI_METHOD*>(UI_null()), nullptr));
}

absl::Status Engine::WhyNot(const KeyUri& uri, const Said& said) {
  switch (said.code) {
    case kPinIncorrect:
    case kPinInvalid:
    case kPinLength:
      return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PIN",
                       absl::StrCat(uri.text(),
                                    ": the token refuses the PIN; some lock "
                                    "themselves after a few wrong ones"));
    case kPinLocked:
      return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PIN",
                       absl::StrCat(uri.text(),
                                    ": the token has locked itself after wrong PINs; "
                                    "its security officer must unlock it"));
    case 0:
      break;
    default:
      return Failed(uri.text(), said.text);
  }
  // The engine says the same of both; any other key shows that the token is there.
  if (Find(uri.token_only()) != nullptr) {
    return MakeError(absl::StatusCode::kNotFound, "NO_TOKEN_KEY",
                     absl::StrCat(uri.text(), ": the token has no such private key"));
  }
  ERR_clear_error();
  return MakeError(absl::StatusCode::kNotFound, "NO_TOKEN",
                   absl::StrCat(uri.text(), ": by ", module_,
                                " there is no such token, or it has no private key that can be "
                                "used (an Ed25519 key in it hides the others)"));
}

absl::StatusOr<EvpPkeyPtr> Engine::OpenKey(const KeyUri& uri, const Secret& pin) {
  MutexLock lock(&mutex_);
  ERR_clear_error();
  // The engine wants an end of zero, and keeps a copy of its own.
  std::string text(pin.Expose());
  const bool told = Command("PIN", text.c_str());
  OPENSSL_cleanse(text.data(), text.size());
  if (!told) return Failed(uri.text(), WhatWasSaid().text);
  EvpPkeyPtr key = Find(uri.token_uri());
  if (key != nullptr) return key;
  return WhyNot(uri, WhatWasSaid());
}

absl::StatusOr<std::string> Engine::Sign(EVP_PKEY* key, absl::string_view data) {
  MutexLock lock(&mutex_);
  return SignWith(key, data);
}

void Engine::Free(EvpPkeyPtr key) {
  MutexLock lock(&mutex_);
  key.reset();
}

class TokenSigner final : public Signer {
 public:
  TokenSigner(std::string uri, EvpPkeyPtr key, PublicKey public_key)
      : uri_(std::move(uri)), key_(std::move(key)), public_key_(std::move(public_key)) {}
  ~TokenSigner() override { Engine::Instance().Free(std::move(key_)); }

  const PublicKey& public_key() const override { return public_key_; }
  absl::StatusOr<std::string> Sign(absl::string_view data) override {
    absl::StatusOr<std::string> signature = Engine::Instance().Sign(key_.get(), data);
    if (!signature.ok()) return Failed(uri_, signature.status().message());
    return signature;
  }

 private:
  const std::string uri_;
  EvpPkeyPtr key_;
  const PublicKey public_key_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> OpenTokenSigner(const std::string& module,
                                                        const KeyUri& uri, const Secret& pin) {
  NORROY_CHECK(uri.in_token());
  if (pin.empty() || pin.Expose().size() > kMaxPin) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PASSPHRASE",
                     absl::StrCat(uri.text(), ": a PIN has 1 to ", kMaxPin, " bytes"));
  }
  Engine& engine = Engine::Instance();
  NORROY_RETURN_IF_ERROR(engine.Load(module));
  NORROY_ASSIGN_OR_RETURN(EvpPkeyPtr key, engine.OpenKey(uri, pin));
  absl::StatusOr<PublicKey> public_key = PublicKey::Parse(ToDer<i2d_PUBKEY>(key.get()));
  if (!public_key.ok()) {
    engine.Free(std::move(key));
    return WithContext(public_key.status(), uri.text());
  }
  auto signer = std::make_unique<TokenSigner>(uri.text(), std::move(key), *std::move(public_key));
  // A key that may not sign, or whose public half is another's, would be found out only later.
  const absl::string_view probe = "norroy";
  NORROY_ASSIGN_OR_RETURN(const std::string signature, signer->Sign(probe));
  if (signer->public_key().Verify(probe, signature)) return signer;
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_KEY",
                   absl::StrCat(uri.text(),
                                ": the token's private key and its public key do not "
                                "belong together"));
}

}  // namespace norroy::crypto
