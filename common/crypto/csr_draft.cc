#include "common/crypto/csr_draft.h"

#include "common/check.h"

namespace norroy::crypto {

const PrivateKey& EcKey() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kP256).value());
  return *key;
}

const PrivateKey& RsaKey() {
  static const auto* const key = new PrivateKey(PrivateKey::Generate(KeyType::kRsa2048).value());
  return *key;
}

std::string Sign(const PrivateKey& key, absl::string_view data, const EVP_MD* digest) {
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key.get())), '\0');
  size_t length = signature.size();
  NORROY_CHECK(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
               EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                              &length, Bytes(data), data.size()) == 1);
  signature.resize(length);
  return signature;
}

std::string Extension(absl::string_view oid, absl::string_view value, bool critical) {
  return critical ? Seq({Oid(oid), Boolean(true), OctetString(value)})
                  : Seq({Oid(oid), OctetString(value)});
}

std::string Attribute(absl::string_view oid, absl::string_view value) {
  return Seq({Oid(oid), Set({value})});
}

std::string Extensions(std::initializer_list<absl::string_view> extensions) {
  return Attribute(kExtensionRequest, Seq(extensions));
}

std::string Entry(uint8_t choice, absl::string_view content) {
  return Tlv(static_cast<uint8_t>(0x80 | choice), content);
}

std::string Dns(absl::string_view name) { return Entry(2, name); }

std::string San(std::initializer_list<absl::string_view> entries, bool critical) {
  return Extension(kSubjectAltName, Seq(entries), critical);
}

std::string Sans(std::initializer_list<absl::string_view> entries) {
  return Extensions({San(entries)});
}

std::string CommonName(absl::string_view name, uint8_t tag) {
  return Seq({Set({Seq({Oid("2.5.4.3"), Tlv(tag, name)})})});
}

std::string CsrInfo(const CsrDraft& draft) {
  return Seq({draft.version, draft.subject, draft.spki,
              draft.no_attributes ? "" : Tlv(0xA0, draft.attributes), draft.info_tail});
}

std::string MakeCsr(const CsrDraft& draft) {
  const std::string info = CsrInfo(draft);
  const std::string signature =
      draft.signature.empty() ? BitString(Sign(*draft.key, info, draft.digest)) : draft.signature;
  return Seq({info, draft.algorithm, signature, draft.tail});
}

std::string WithAttributes(const std::string& attributes) {
  CsrDraft draft;
  draft.attributes = attributes;
  return MakeCsr(draft);
}

std::string WithExtension(const std::string& extension) {
  return WithAttributes(Extensions({San({Dns(kName)}), extension}));
}

std::string WithSubject(const std::string& subject, const std::string& attributes) {
  CsrDraft draft;
  draft.subject = subject;
  draft.attributes = attributes;
  return MakeCsr(draft);
}

const std::vector<std::string>& TheName() {
  static const auto* const names = new std::vector<std::string>{std::string(kName)};
  return *names;
}

}  // namespace norroy::crypto
