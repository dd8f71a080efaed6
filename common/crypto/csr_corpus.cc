#include "common/crypto/csr_corpus.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/csr.h"
#include "common/crypto/csr_draft.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/crypto/key_corpus.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kChallengePassword = "1.2.840.113549.1.9.7";

std::string Rsa(const std::string& algorithm, const EVP_MD* digest) {
  CsrDraft draft;
  draft.spki = RsaKey().public_key().spki_der();
  draft.key = &RsaKey();
  draft.algorithm = algorithm;
  draft.digest = digest;
  return MakeCsr(draft);
}

std::string WithAlgorithm(const std::string& algorithm, const EVP_MD* digest) {
  CsrDraft draft;
  draft.algorithm = algorithm;
  draft.digest = digest;
  return MakeCsr(draft);
}

void AddKeys(std::vector<CsrCase>& cases) {
  for (const KeyCase& c : KeyCorpus()) {
    if (c.error.empty()) continue;
    CsrDraft draft;
    draft.spki = c.spki;
    cases.push_back({absl::StrCat("key: ", c.label), MakeCsr(draft), "CSR: ", {}});
  }
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kRsa2048}) {
    const PrivateKey key = PrivateKey::Generate(type).value();
    const std::vector<challenge::Name> names = {challenge::Name::Parse(kName).value()};
    cases.push_back(
        {absl::StrCat("built: ", KeyTypeName(type)), BuildCsr(key, names).value(), "", TheName()});
  }
}

void AddSignatures(std::vector<CsrCase>& cases) {
  const PrivateKey other = PrivateKey::Generate(KeyType::kP256).value();
  CsrDraft missing, foreign, outer, unused, empty, trailing;
  missing.signature = Null();
  foreign.key = &other;
  unused.signature = BitString(std::string(70, '\0'), 4);
  empty.signature = BitString("");
  trailing.signature = BitString(Sign(EcKey(), CsrInfo(trailing), EVP_sha256()) + "x");
  outer.digest = EVP_sha384();
  const std::string pss_sha256 =
      Seq({Oid("1.2.840.113549.1.1.10"),
           Seq({Tlv(0xA0, Seq({Oid("2.16.840.1.101.3.4.2.1")})), Tlv(0xA2, Integer(32))})});
  const auto rsa = [](absl::string_view oid) { return Seq({Oid(oid), Null()}); };
  const auto ec = [](absl::string_view oid) { return Seq({Oid(oid)}); };
  const std::vector<std::string>& good = TheName();
  cases.insert(
      cases.end(),
      {
          {"ECDSA SHA-256", MakeCsr({}), "", good},
          {"ECDSA SHA-384", WithAlgorithm(ec("1.2.840.10045.4.3.3"), EVP_sha384()), "", good},
          {"ECDSA SHA-512", WithAlgorithm(ec("1.2.840.10045.4.3.4"), EVP_sha512()), "", good},
          {"RSA SHA-256", Rsa(rsa(kRsaSha256), EVP_sha256()), "", good},
          {"RSA SHA-384", Rsa(rsa("1.2.840.113549.1.1.12"), EVP_sha384()), "", good},
          {"RSA SHA-512", Rsa(rsa("1.2.840.113549.1.1.13"), EVP_sha512()), "", good},
          {"ECDSA SHA-1",
           WithAlgorithm(ec("1.2.840.10045.4.1"), EVP_sha1()),
           "ecdsa-with-SHA1",
           {}},
          {"ECDSA SHA-224",
           WithAlgorithm(ec("1.2.840.10045.4.3.1"), EVP_sha224()),
           "ecdsa-with-SHA224",
           {}},
          {"RSA MD5", Rsa(rsa("1.2.840.113549.1.1.4"), EVP_md5()), "signed with md5WithRSA", {}},
          {"RSA SHA-1",
           Rsa(rsa("1.2.840.113549.1.1.5"), EVP_sha1()),
           "signed with sha1WithRSA",
           {}},
          {"RSA PSS", Rsa(pss_sha256, EVP_sha256()), "signed with rsassaPss", {}},
          {"RSA without NULL", Rsa(ec(kRsaSha256), EVP_sha256()), "NULL after the RSA", {}},
          {"RSA, other parameters",
           Rsa(Seq({Oid(kRsaSha256), Integer(1)}), EVP_sha256()),
           "NULL after the RSA",
           {}},
          {"RSA, two NULLs",
           Rsa(Seq({Oid(kRsaSha256), Null(), Null()}), EVP_sha256()),
           "parameters that do not belong",
           {}},
          {"ECDSA with NULL",
           WithAlgorithm(Seq({Oid(kEcdsaSha256), Null()}), EVP_sha256()),
           "parameters that do not belong",
           {}},
          {"ECDSA with an RSA key",
           Rsa(ec(kEcdsaSha256), EVP_sha256()),
           "does not fit the key",
           {}},
          {"RSA with an EC key",
           WithAlgorithm(rsa(kRsaSha256), EVP_sha256()),
           "does not fit the key",
           {}},
          {"unknown algorithm",
           WithAlgorithm(ec("1.2.3.4"), EVP_sha256()),
           "signed with 1.2.3.4",
           {}},
          {"algorithm of a huge arc",
           WithAlgorithm(Seq({Tlv(0x06, std::string(500, '\xFF') + "\x01")}), EVP_sha256()),
           "unknown object identifier",
           {}},
          {"no algorithm",
           WithAlgorithm(Seq({}), EVP_sha256()),
           "signature algorithm is missing",
           {}},
          {"another digest", MakeCsr(outer), "not valid for the public key", {}},
          {"no signature", MakeCsr(missing), "the signature is missing", {}},
          {"empty signature", MakeCsr(empty), "not valid for the public key", {}},
          {"another key's signature", MakeCsr(foreign), "not valid for the public key", {}},
          {"unused bits", MakeCsr(unused), "no whole number of bytes", {}},
          {"bytes after the signature's numbers",
           MakeCsr(trailing),
           "not valid for the public key",
           {}},
      });
}

std::string Deep(int levels) {
  std::string nested = Null();
  for (int i = 0; i < levels; ++i) nested = Seq({nested});
  return nested;
}

// The CSR's outer length written otherwise.
std::string OuterLength(absl::string_view length_octets) {
  const std::string good = MakeCsr({});
  return absl::StrCat("\x30", length_octets, good.substr(4));
}

void AddStructure(std::vector<CsrCase>& cases) {
  const std::string good = MakeCsr({});
  const std::string length = good.substr(2, 2);  // after 30 82
  const auto version = [](const std::string& integer) {
    CsrDraft draft;
    draft.version = integer;
    return MakeCsr(draft);
  };
  CsrDraft no_attributes, tail, info_tail, no_subject;
  no_attributes.no_attributes = true;
  no_attributes.subject = CommonName(kName);
  tail.tail = Null();
  info_tail.info_tail = Null();
  no_subject.subject = "";
  const std::string san = Extensions({San({Dns(kName)})});
  const std::string microsoft = Attribute("1.3.6.1.4.1.311.2.1.14", Seq({San({Dns(kName)})}));
  const std::string password = Attribute(kChallengePassword, Tlv(0x0C, "secret"));
  cases.insert(
      cases.end(),
      {
          {"version 1", version(Integer(1)), "version is not 0", {}},
          {"version -1", version(Tlv(2, "\xFF")), "version is not 0", {}},
          {"version 2^64",
           version(BigInteger(std::string("\x01\0\0\0\0\0\0\0\0", 9))),
           "version is not 0",
           {}},
          {"version 0 in two octets", version(Tlv(2, std::string(2, '\0'))), "not minimal", {}},
          {"version missing", version(""), "version is missing", {}},
          {"version as text", version(Tlv(0x0C, "0")), "version is missing", {}},
          {"indefinite length", OuterLength("\x80") + std::string(2, '\0'), "indefinite", {}},
          {"length not minimal",
           OuterLength(absl::StrCat("\x83", std::string(1, '\0'), length)),
           "not minimal",
           {}},
          {"length of five octets",
           OuterLength(absl::StrCat("\x85", std::string(3, '\0'), length)),
           "more than four",
           {}},
          {"length of 4 GiB", OuterLength("\x84\xFF\xFF\xFF\xFF"), "where", {}},
          {"trailing byte", good + "x", "after the end", {}},
          {"trailing NUL", good + std::string(1, '\0'), "after the end", {}},
          {"a second one behind", good + good, "after the end", {}},
          {"a fourth part", MakeCsr(tail), "bytes after the signature", {}},
          {"a fifth part of the info", MakeCsr(info_tail), "bytes after the attributes", {}},
          {"no subject", MakeCsr(no_subject), "missing", {}},
          {"1000 levels",
           WithAttributes(Attribute("1.2.3", Deep(1000))),
           "more than 32 levels",
           {}},
          {"attributes absent", MakeCsr(no_attributes), "attributes field is missing", {}},
          {"attributes empty", WithAttributes(""), "it names nothing", {}},
          {"attributes unsorted", WithAttributes(san + password), "not sorted", {}},
          {"attribute twice", WithAttributes(password + password), "two attributes", {}},
          {"two extensionRequests",
           WithAttributes(san + Sans({Dns("www.example.org")})),
           "two attributes",
           {}},
          {"extensionRequest of two values",
           WithAttributes(
               Seq({Oid(kExtensionRequest),
                    Set({Seq({San({Dns(kName)})}), Seq({San({Dns("xww.example.com")})})})})),
           "two values",
           {}},
          {"extensionRequest of no value",
           WithAttributes(Seq({Oid(kExtensionRequest), Set({})})),
           "extensionRequest is missing",
           {}},
          {"extensionRequest empty", WithAttributes(Extensions({})), "it names nothing", {}},
          {"attribute without values",
           WithAttributes(Seq({Oid("1.2.3")})),
           "values is missing",
           {}},
          {"attribute no sequence", WithAttributes(Null()), "an attribute is missing", {}},
          {"Microsoft's extensions", WithAttributes(microsoft), "Microsoft", {}},
          {"challengePassword", WithAttributes(password + san), "", TheName()},
          {"1 MiB promised",
           WithAttributes(absl::StrCat("\x04\x83\x10", std::string(2, '\0'))),
           "element of 1048576 bytes",
           {}},
          {"a string in pieces",
           WithAttributes(Attribute("1.2.3", Tlv(0x24, OctetString("a")))),
           "in pieces",
           {}},
          {"over the cap",
           WithAttributes(Attribute("1.2.3", OctetString(std::string(kMaxCsrDer, 'x')))),
           "at most 16384",
           {}},
          {"empty", "", "neither DER nor PEM", {}},
          {"one byte", "0", "neither DER nor PEM", {}},
          {"garbage", "garbage", "neither DER nor PEM", {}},
          {"a certificate's form",
           Seq({Seq({Tlv(0xA0, Integer(2)), std::string(200, '\0')})}),
           "not DER",
           {}},
      });
}

void AddPem(std::vector<CsrCase>& cases) {
  const std::string good = MakeCsr({});
  const std::string pem = PemEncode("CERTIFICATE REQUEST", good);
  const std::string crlf = absl::StrReplaceAll(pem, {{"\n", "\r\n"}});
  const std::vector<std::string>& names = TheName();
  cases.insert(cases.end(),
               {
                   {"PEM", pem, "", names},
                   {"PEM, Netscape's label", PemEncode("NEW CERTIFICATE REQUEST", good), "", names},
                   {"PEM, CRLF", crlf, "", names},
                   {"PEM, no last newline", pem.substr(0, pem.size() - 1), "", names},
                   {"PEM, byte order mark", "\xEF\xBB\xBF" + pem, "", names},
                   {"PEM, text around", "subject=\n" + pem + "done", "", names},
                   {"PEM, wrong label",
                    PemEncode("CERTIFICATE", good),
                    "the PEM block is a \"CERTIFICATE\"",
                    {}},
                   {"PEM, private key",
                    PemEncode("PRIVATE KEY", "x"),
                    "the PEM block is a \"PRIVATE KEY\"",
                    {}},
                   {"PEM, two", pem + pem, "more than one", {}},
                   {"PEM, a key too", pem + PemEncode("PRIVATE KEY", "x"), "more than one", {}},
                   {"PEM in PEM", PemEncode("CERTIFICATE REQUEST", pem), "not DER", {}},
                   {"PEM, UTF-16", std::string("\xFF\xFE-\0-\0", 6), "neither DER nor PEM", {}},
                   {"10 MB of dashes", std::string(10 << 20, '-'), "at most 24576", {}},
                   {"PEM over the cap", pem + std::string(kMaxCsrPem, ' '), "at most 24576", {}},
                   {"PEM at the cap", pem + std::string(kMaxCsrPem - pem.size(), ' '), "", names},
               });
}

}  // namespace

const std::vector<CsrCase>& CsrCorpus() {
  static const auto* const cases = [] {
    auto* all = new std::vector<CsrCase>;
    AddKeys(*all);
    AddSignatures(*all);
    AddStructure(*all);
    AddPem(*all);
    AddNameCases(*all);
    return all;
  }();
  return *cases;
}

}  // namespace norroy::crypto
