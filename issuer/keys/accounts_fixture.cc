#include "issuer/keys/accounts_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/crypto/signer.h"

namespace norroy::keys {
namespace {

class Borrowed final : public http::Client {
 public:
  explicit Borrowed(http::Client& client) : client_(client) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    return client_.Send(request);
  }

 private:
  http::Client& client_;
};

fakes::FakeCaOptions CaOptions(Clock& clock) {
  fakes::FakeCaOptions options;
  options.clock = &clock;
  options.terms_of_service = "https://ca.test/terms";
  return options;
}

}  // namespace

AccountsFixture::AccountsFixture()
    : clock_(absl::FromUnixSeconds(1'772'366'400)),
      ca_(CaOptions(clock_)),
      database_(sql::OpenSqlite(":memory:").value()) {
  EXPECT_TRUE(sql::Migrate(*database_, store::Store::Migrations()).ok());
  store_ = store::Store::Make(*database_);
  static int count = 0;
  dir_ = absl::StrCat(std::getenv("TEST_TMPDIR"), "/keys", ++count);
  settings_.name = "main";
  settings_.acme.directory_url = ca_.directory_url();
  settings_.acme.sleep = [this](absl::Duration time) { clock_.Advance(time); };
  settings_.contacts = {"mailto:ops@example.com"};
}

absl::StatusOr<std::unique_ptr<Accounts>> AccountsFixture::Make() {
  return MakeAccounts(
      {.cas = {settings_},
       .keys_dir = dir_,
       .store = *store_,
       .clock = clock_,
       .random = random_,
       .new_http = [this](const CaSettings&) { return std::make_unique<Borrowed>(ca_); },
       .verdicts_limit = verdicts_limit_,
       .other_issuers = [this] { return other_issuers_; },
       .after_step = after_step_});
}

bool AccountsFixture::Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

KeyLocation AccountsFixture::NewKeyElsewhere(const std::string& name) {
  const std::string path = absl::StrCat(dir_, "-", name);
  EXPECT_TRUE(crypto::CreateFileSigner(path).ok());
  config::v1::KeyConfig config;
  config.set_uri(path);
  return ReadKeyConfig(config, "", "/etc/issuer.yaml").value();
}

std::string AccountsFixture::WriteEabKey(const std::string& text, int mode) {
  const std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/eab", ++eab_files_);
  std::ofstream(path) << text;
  chmod(path.c_str(), static_cast<mode_t>(mode));
  return path;
}

absl::StatusOr<acme::Order> AccountsFixture::NewOrder(Accounts& accounts, const std::string& name) {
  const absl::StatusOr<acme::Client*> client = accounts.ClientFor("main");
  if (!client.ok()) return client.status();
  return (*client)->NewOrder({challenge::Name::Parse(name).value()}, "");
}

}  // namespace norroy::keys
