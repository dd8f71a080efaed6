#ifndef NORROY_TESTS_E2E_CANARY_SCAN_H_
#define NORROY_TESTS_E2E_CANARY_SCAN_H_

// Looks for secrets where they have no business: each is known beforehand, and searched for as it
// is and in the forms in which bytes travel: base64 and base64url at any offset, hexadecimal in
// both cases, and the lines of its PEM. Not thread-safe.

#include <set>
#include <string>
#include <vector>

namespace norroy::harness {

class CanaryScan {
 public:
  // `bytes`: at least 8. `holders`: files whose job it is to hold it.
  void Add(const std::string& name, const std::string& bytes, std::set<std::string> holders);
  // Every private key in a PEM text, which is not encrypted.
  void AddPem(const std::string& name, const std::string& pem,
              const std::set<std::string>& holders);
  // Text of base64 too: its bytes are a secret as well.
  void AddBase64(const std::string& name, const std::string& text,
                 const std::set<std::string>& holders);

  // What was found: "<where>: <name> as <form>". `where` is a file's path or says where the text
  // is from.
  std::vector<std::string> LookAt(const std::string& where, const std::string& text) const;
  // Every regular file below, but for those whose path begins with one of `except`.
  std::vector<std::string> LookBelow(const std::string& folder,
                                     const std::vector<std::string>& except);
  // That were looked at.
  const std::set<std::string>& files() const { return files_; }
  // Holders, all of them.
  std::set<std::string> holders() const;
  size_t size() const { return canaries_.size(); }

 private:
  struct Form {
    std::string name;
    std::string text;
  };
  struct Canary {
    std::string name;
    std::vector<Form> forms;
    std::set<std::string> holders;
  };
  std::vector<Canary> canaries_;
  std::set<std::string> files_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_E2E_CANARY_SCAN_H_
