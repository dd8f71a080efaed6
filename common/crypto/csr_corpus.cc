#include "common/crypto/csr_corpus.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/crypto/key_corpus.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kEcdsaSha256 = "1.2.840.10045.4.3.2";
constexpr absl::string_view kRsaSha256 = "1.2.840.113549.1.1.11";
constexpr absl::string_view kExtensionRequest = "1.2.840.113549.1.9.14";
constexpr absl::string_view kChallengePassword = "1.2.840.113549.1.9.7";
constexpr absl::string_view kSubjectAltName = "2.5.29.17";
constexpr absl::string_view kBasicConstraints = "2.5.29.19";
constexpr absl::string_view kKeyUsage = "2.5.29.15";
constexpr absl::string_view kMustStaple = "1.3.6.1.5.5.7.1.24";
constexpr absl::string_view kName = "www.example.com";

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

std::string Extension(absl::string_view oid, absl::string_view value, bool critical = false) {
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

std::string San(std::initializer_list<absl::string_view> entries, bool critical = false) {
  return Extension(kSubjectAltName, Seq(entries), critical);
}

std::string Sans(std::initializer_list<absl::string_view> entries) {
  return Extensions({San(entries)});
}

// UTF8String unless told otherwise.
std::string CommonName(absl::string_view name, uint8_t tag = 0x0C) {
  return Seq({Set({Seq({Oid("2.5.4.3"), Tlv(tag, name)})})});
}

// A CSR in parts; what a case does not change is as it should be.
struct Draft {
  std::string version = Integer(0);
  std::string subject = Seq({});
  std::string spki = EcKey().public_key().spki_der();
  std::string attributes = Sans({Dns(kName)});  // content of [0]
  bool no_attributes = false;
  std::string info_tail;
  std::string algorithm = Seq({Oid(kEcdsaSha256)});
  std::string tail;
  const PrivateKey* key = &EcKey();
  const EVP_MD* digest = EVP_sha256();
  std::string signature;  // the whole BIT STRING; empty: made
};

std::string Info(const Draft& draft) {
  return Seq({draft.version, draft.subject, draft.spki,
              draft.no_attributes ? "" : Tlv(0xA0, draft.attributes), draft.info_tail});
}

std::string Make(const Draft& draft) {
  const std::string info = Info(draft);
  const std::string signature =
      draft.signature.empty() ? BitString(Sign(*draft.key, info, draft.digest)) : draft.signature;
  return Seq({info, draft.algorithm, signature, draft.tail});
}

std::string WithAttributes(const std::string& attributes) {
  Draft draft;
  draft.attributes = attributes;
  return Make(draft);
}

std::string WithExtension(const std::string& extension) {
  return WithAttributes(Extensions({San({Dns(kName)}), extension}));
}

std::string WithSubject(const std::string& subject, const std::string& attributes) {
  Draft draft;
  draft.subject = subject;
  draft.attributes = attributes;
  return Make(draft);
}

std::string Rsa(const std::string& algorithm, const EVP_MD* digest) {
  Draft draft;
  draft.spki = RsaKey().public_key().spki_der();
  draft.key = &RsaKey();
  draft.algorithm = algorithm;
  draft.digest = digest;
  return Make(draft);
}

std::string WithAlgorithm(const std::string& algorithm, const EVP_MD* digest) {
  Draft draft;
  draft.algorithm = algorithm;
  draft.digest = digest;
  return Make(draft);
}

const std::vector<std::string>& TheName() {
  static const auto* const names = new std::vector<std::string>{std::string(kName)};
  return *names;
}

void AddKeys(std::vector<CsrCase>& cases) {
  for (const KeyCase& c : KeyCorpus()) {
    if (c.error.empty()) continue;
    Draft draft;
    draft.spki = c.spki;
    cases.push_back({absl::StrCat("key: ", c.label), Make(draft), "CSR: ", {}});
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
  Draft missing, foreign, outer, unused, empty, trailing;
  missing.signature = Null();
  foreign.key = &other;
  unused.signature = BitString(std::string(70, '\0'), 4);
  empty.signature = BitString("");
  trailing.signature = BitString(Sign(EcKey(), Info(trailing), EVP_sha256()) + "x");
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
          {"ECDSA SHA-256", Make({}), "", good},
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
          {"another digest", Make(outer), "not valid for the public key", {}},
          {"no signature", Make(missing), "the signature is missing", {}},
          {"empty signature", Make(empty), "not valid for the public key", {}},
          {"another key's signature", Make(foreign), "not valid for the public key", {}},
          {"unused bits", Make(unused), "no whole number of bytes", {}},
          {"bytes after the signature's numbers",
           Make(trailing),
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
  const std::string good = Make({});
  return absl::StrCat("\x30", length_octets, good.substr(4));
}

void AddStructure(std::vector<CsrCase>& cases) {
  const std::string good = Make({});
  const std::string length = good.substr(2, 2);  // after 30 82
  const auto version = [](const std::string& integer) {
    Draft draft;
    draft.version = integer;
    return Make(draft);
  };
  Draft no_attributes, tail, info_tail, no_subject;
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
          {"a fourth part", Make(tail), "bytes after the signature", {}},
          {"a fifth part of the info", Make(info_tail), "bytes after the attributes", {}},
          {"no subject", Make(no_subject), "missing", {}},
          {"1000 levels",
           WithAttributes(Attribute("1.2.3", Deep(1000))),
           "more than 32 levels",
           {}},
          {"attributes absent", Make(no_attributes), "attributes field is missing", {}},
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
  const std::string good = Make({});
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

void AddCommonNames(std::vector<CsrCase>& cases) {
  const std::string san = Sans({Dns(kName)});
  const std::string long_name = std::string(63, 'a') + ".";
  const std::string name64 = long_name.substr(0, 52) + ".example.com";
  const std::string name65 = long_name.substr(0, 53) + ".example.com";
  const std::string twice = Seq({Set({Seq({Oid("2.5.4.3"), Tlv(0x0C, kName)})}),
                                 Set({Seq({Oid("2.5.4.3"), Tlv(0x0C, "a.example.com")})})});
  const std::string organization = Seq({Set({Seq({Oid("2.5.4.10"), Tlv(0x0C, "Example Ltd")})})});
  cases.insert(
      cases.end(),
      {
          {"no names", WithSubject(Seq({}), ""), "it names nothing", {}},
          {"organization only", WithSubject(organization, ""), "it names nothing", {}},
          {"organization and SAN", WithSubject(organization, san), "", TheName()},
          {"CN only", WithSubject(CommonName(kName), ""), "", TheName()},
          {"CN only, printable", WithSubject(CommonName(kName, 0x13), ""), "", TheName()},
          {"CN only, IA5", WithSubject(CommonName(kName, 0x16), ""), "", TheName()},
          {"CN only, upper case", WithSubject(CommonName("WWW.Example.COM"), ""), "", TheName()},
          {"CN only, wildcard",
           WithSubject(CommonName("*.example.com"), ""),
           "",
           {"*.example.com"}},
          {"CN only, address", WithSubject(CommonName("192.0.2.1"), ""), "IP:192.0.2.1", {}},
          {"CN only, a person", WithSubject(CommonName("Alice Example"), ""), "CSR: ", {}},
          {"CN only, trailing dot",
           WithSubject(CommonName("www.example.com."), ""),
           "write it as www.example.com",
           {}},
          {"CN in SAN", WithSubject(CommonName(kName), san), "", TheName()},
          {"CN in SAN but for case", WithSubject(CommonName("WWW.example.com"), san), "",
           TheName()},
          {"CN address in SAN",
           WithSubject(CommonName("192.0.2.1"), Sans({Entry(7, std::string("\xC0\0\x02\x01", 4))})),
           "",
           {"192.0.2.1"}},
          {"CN not in SAN",
           WithSubject(CommonName("evil.example.com"), san),
           "\"evil.example.com\" is not in the subjectAltName",
           {}},
          {"CN a person, SAN", WithSubject(CommonName("Alice"), san), "is not in the", {}},
          {"CN with NUL",
           WithSubject(CommonName(absl::string_view("good.com\0.evil.com", 18)), ""),
           "CSR: ",
           {}},
          {"CN with NUL, SAN",
           WithSubject(CommonName(absl::string_view("www.example.com\0.evil.com", 25)), san),
           "is not in the",
           {}},
          {"CN with terminal codes", WithSubject(CommonName("\x1b[31mred"), san), "\\x1b[31m", {}},
          {"CN of 64", WithSubject(CommonName(name64), ""), "", {name64}},
          {"CN of 65", WithSubject(CommonName(name65), ""), "65 bytes", {}},
          {"CN empty", WithSubject(CommonName(""), san), "0 bytes", {}},
          {"CN BMP",
           WithSubject(CommonName(std::string("\0w\0w", 4), 0x1E), san),
           "UTF8String",
           {}},
          {"CN Teletex", WithSubject(CommonName(kName, 0x14), san), "UTF8String", {}},
          {"CN Universal", WithSubject(CommonName("abcd", 0x1C), san), "UTF8String", {}},
          {"CN twice", WithSubject(twice, ""), "several common names", {}},
          {"CN twice, in SAN",
           WithSubject(twice, Sans({Dns(kName), Dns("a.example.com")})),
           "",
           {"a.example.com", std::string(kName)}},
          {"CN twice, one in SAN", WithSubject(twice, san), "a.example.com\" is not in", {}},
          {"subject with an empty part", WithSubject(Seq({Set({})}), san), "empty part", {}},
          {"subject no set", WithSubject(Seq({Null()}), san), "part of the subject is missing", {}},
      });
}

std::string ManyNames(int count) {
  std::string entries;
  for (int i = 0; i < count; ++i) entries += Dns(absl::StrCat("n", i, ".example.com"));
  return WithAttributes(Extensions({Extension(kSubjectAltName, Tlv(0x30, entries))}));
}

void AddAlternativeNames(std::vector<CsrCase>& cases) {
  const auto sans = [](std::initializer_list<absl::string_view> entries) {
    return WithAttributes(Sans(entries));
  };
  const std::string ipv6 = FromHex("20010db8000000000000000000000001");
  const std::string ipv4("\xC0\0\x02\x01", 4);
  const std::string long_label = std::string(63, 'a');
  const std::string name253 =
      absl::StrCat(long_label, ".", long_label, ".", long_label, ".", std::string(57, 'b'), ".com");
  std::vector<std::string> hundred;
  for (int i = 0; i < 100; ++i) hundred.push_back(absl::StrCat("n", i, ".example.com"));
  cases.insert(
      cases.end(),
      {
          {"two",
           sans({Dns("b.example.com"), Dns("a.example.com")}),
           "",
           {"a.example.com", "b.example.com"}},
          {"doubled", sans({Dns(kName), Dns(kName)}), "", TheName()},
          {"doubled but for case", sans({Dns(kName), Dns("WWW.Example.com")}), "", TheName()},
          {"wildcard",
           sans({Dns("*.example.com"), Dns("example.com")}),
           "",
           {"*.example.com", "example.com"}},
          {"addresses", sans({Entry(7, ipv4), Entry(7, ipv6)}), "", {"192.0.2.1", "2001:db8::1"}},
          {"253 characters", sans({Dns(name253)}), "", {name253}},
          {"100 names", ManyNames(100), "", hundred},
          {"101 names", ManyNames(101), "more than 100 names", {}},
          {"254 characters", sans({Dns("b" + name253)}), "entry 1", {}},
          {"trailing dot", sans({Dns("www.example.com.")}), "write it as www.example.com", {}},
          {"empty dNSName", sans({Dns(kName), Dns("")}), "entry 2", {}},
          {"one label", sans({Dns("localhost")}), "entry 1", {}},
          {"underscore", sans({Dns("_acme-challenge.example.com")}), "entry 1", {}},
          {"wildcard inside", sans({Dns("a.*.example.com")}), "entry 1", {}},
          {"two wildcards", sans({Dns("*.*.example.com")}), "entry 1", {}},
          {"blank", sans({Dns(" www.example.com")}), "entry 1", {}},
          {"NUL", sans({Dns(absl::string_view("www.example.com\0.evil.com", 25))}), "entry 1", {}},
          {"not ASCII",
           sans({Dns("b\xC3\xBC"
                     "cher.example.com")}),
           "entry 1",
           {}},
          {"address as dNSName", sans({Dns("192.0.2.1")}), "IP:192.0.2.1", {}},
          {"address of 5 bytes", sans({Entry(7, "12345")}), "iPAddress of 5 bytes", {}},
          {"address of 17 bytes", sans({Entry(7, ipv6 + "x")}), "iPAddress of 17 bytes", {}},
          {"address of 8 bytes", sans({Entry(7, "12345678")}), "iPAddress of 8 bytes", {}},
          {"address of 0 bytes", sans({Entry(7, "")}), "iPAddress of 0 bytes", {}},
          {"mail", sans({Dns(kName), Entry(1, "a@example.com")}), "kind [1]", {}},
          {"URI", sans({Dns(kName), Entry(6, "https://example.com")}), "kind [6]", {}},
          {"otherName",
           sans({Dns(kName), Tlv(0xA0, Oid("1.2.3") + Tlv(0xA0, Null()))}),
           "kind [0]",
           {}},
          {"dirName", sans({Dns(kName), Tlv(0xA4, Seq({}))}), "kind [4]", {}},
          {"registeredID", sans({Dns(kName), Entry(8, "\x2A\x03")}), "kind [8]", {}},
          {"constructed dNSName", sans({Tlv(0xA2, Tlv(0x16, kName))}), "kind [2]", {}},
          {"universal string", sans({Tlv(0x16, kName)}), "kind [22]", {}},
          {"no entries", sans({}), "subjectAltName is empty", {}},
          {"not a sequence",
           WithAttributes(Extensions({Extension(kSubjectAltName, Null())})),
           "subjectAltName is missing",
           {}},
          {"garbage",
           WithAttributes(Extensions({Extension(kSubjectAltName, "garbage")})),
           "not DER",
           {}},
          {"trailing bytes",
           WithAttributes(Extensions({Extension(kSubjectAltName, Seq({Dns(kName)}) + Null())})),
           "after the end",
           {}},
          {"critical SAN", WithAttributes(Extensions({San({Dns(kName)}, true)})), "", TheName()},
          {"two SANs",
           WithAttributes(Extensions({San({Dns(kName)}), San({Dns("x.example.com")})})),
           "is there twice",
           {}},
      });
}

void AddExtensions(std::vector<CsrCase>& cases) {
  const auto usage = [](const std::string& bits, uint8_t unused) {
    return WithExtension(Extension(kKeyUsage, BitString(bits, unused), true));
  };
  const std::string default_critical = Seq({Oid("1.2.3.4"), Boolean(false), OctetString(Null())});
  cases.insert(
      cases.end(),
      {
          {"CA:FALSE", WithExtension(Extension(kBasicConstraints, Seq({}), true)), "", TheName()},
          {"CA:TRUE",
           WithExtension(Extension(kBasicConstraints, Seq({Boolean(true)}))),
           "CA:FALSE",
           {}},
          {"CA:FALSE written out",
           WithExtension(Extension(kBasicConstraints, Seq({Boolean(false)}))),
           "CA:FALSE",
           {}},
          {"pathlen alone",
           WithExtension(Extension(kBasicConstraints, Seq({Integer(0)}))),
           "CA:FALSE",
           {}},
          {"basicConstraints garbage",
           WithExtension(Extension(kBasicConstraints, "x")),
           "not DER",
           {}},
          {"digitalSignature, keyEncipherment", usage("\xA0", 5), "", TheName()},
          {"keyCertSign", usage("\x04", 2), "keyCertSign", {}},
          {"cRLSign", usage("\x02", 1), "cRLSign", {}},
          {"keyCertSign among others", usage("\x86", 1), "keyCertSign", {}},
          {"keyUsage empty", WithExtension(Extension(kKeyUsage, BitString(""))), "", TheName()},
          {"keyUsage no bits",
           WithExtension(Extension(kKeyUsage, Null())),
           "keyUsage is missing",
           {}},
          {"extended key usage",
           WithExtension(Extension("2.5.29.37", Seq({Oid("1.3.6.1.5.5.7.3.1")}), true)), "",
           TheName()},
          {"must-staple", WithExtension(Extension(kMustStaple, Seq({Integer(5)}))), "", TheName()},
          {"unknown", WithExtension(Extension("1.2.3.4", Null())), "", TheName()},
          {"unknown critical",
           WithExtension(Extension("1.2.3.4", Null(), true)),
           "unknown critical extension 1.2.3.4",
           {}},
          {"critical name constraints",
           WithExtension(Extension("2.5.29.30", Seq({}), true)),
           "unknown critical extension",
           {}},
          {"twice",
           WithAttributes(Extensions(
               {San({Dns(kName)}), Extension("1.2.3.4", Null()), Extension("1.2.3.4", Null())})),
           "1.2.3.4 is there twice",
           {}},
          {"critical = FALSE written out", WithExtension(default_critical), "critical = FALSE", {}},
          {"critical = 1",
           WithExtension(Seq({Oid("1.2.3.4"), Tlv(1, "\x01"), OctetString("")})),
           "BOOLEAN",
           {}},
          {"extension without value", WithExtension(Seq({Oid("1.2.3.4")})), "value is missing", {}},
          {"extension of four parts",
           WithExtension(Seq({Oid("1.2.3.4"), OctetString(""), OctetString("")})),
           "bytes after an extension",
           {}},
          {"extension no sequence", WithExtension(Null()), "an extension is missing", {}},
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
    AddCommonNames(*all);
    AddAlternativeNames(*all);
    AddExtensions(*all);
    return all;
  }();
  return *cases;
}

}  // namespace norroy::crypto
