#include "common/program/program.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/program/test_world.h"
#include "gtest/gtest.h"

namespace norroy::program {
namespace {

constexpr char kText[] = "#!/bin/sh\nexit 0\n";

TEST(Program, TakesWhatOnlyItsOwnerCanChange) {
  const std::string folder = NewFolder();
  for (const int mode : {0700, 0755, 0500, 0711}) {
    const absl::Status status = CheckProgram(WriteProgram(folder, "hook", kText, mode));
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_TRUE(CheckProgram("/usr/bin/env").ok());
}

TEST(Program, RefusesWhatOthersCanChange) {
  const std::string folder = NewFolder();
  const struct {
    std::string what;
    int file_mode;
    int folder_mode;
    std::string why;
  } cases[] = {
      {"group-writable", 0770, 0700, "writable by its group"},
      {"world-writable", 0702, 0700, "writable by its group or by others"},
      {"not executable", 0600, 0700, "not executable"},
      {"group-writable folder", 0700, 0770, "the directory is writable"},
      {"world-writable folder", 0700, 0707, "the directory is writable"},
  };
  for (const auto& c : cases) {
    const std::string path = WriteProgram(folder, "hook", kText, c.file_mode);
    ASSERT_EQ(chmod(folder.c_str(), static_cast<mode_t>(c.folder_mode)), 0);
    const absl::Status status = CheckProgram(path);
    EXPECT_EQ(ErrorReason(status), "UNSAFE_PROGRAM") << c.what;
    EXPECT_TRUE(absl::StrContains(status.message(), c.why)) << c.what << ": " << status;
  }
  ASSERT_EQ(chmod(folder.c_str(), 01777), 0);
  EXPECT_TRUE(CheckProgram(WriteProgram(folder, "hook", kText)).ok());
}

TEST(Program, RefusesWhatBelongsToOthers) {
  const std::string folder = NewFolder();
  const std::string path = WriteProgram(folder, "hook", kText);
  if (chown(path.c_str(), 65534, 65534) != 0) GTEST_SKIP() << "only root can give a file away";
  const absl::Status status = CheckProgram(path);
  EXPECT_EQ(ErrorReason(status), "UNSAFE_PROGRAM");
  EXPECT_TRUE(absl::StrContains(status.message(), "user 65534")) << status;
  ASSERT_EQ(chown(path.c_str(), geteuid(), getegid()), 0);
  ASSERT_EQ(chown(folder.c_str(), 65534, 65534), 0);
  EXPECT_EQ(ErrorReason(CheckProgram(path)), "UNSAFE_PROGRAM");
}

TEST(Program, RefusesWhatIsNotThereOrNoFile) {
  const std::string folder = NewFolder();
  const std::string file = WriteProgram(folder, "hook", kText);
  for (const std::string& path :
       {folder + "/missing", folder, file + "/below", folder + "/no/hook", std::string("/")}) {
    EXPECT_FALSE(CheckProgram(path).ok()) << path;
  }
  EXPECT_TRUE(absl::StrContains(CheckProgram(folder + "/missing").message(), "No such file"))
      << folder;
}

TEST(Program, WantsAPlainAbsolutePath) {
  for (const std::string& path :
       {std::string(), std::string("hook"), std::string("./hook"),
        std::string("/usr/../usr/bin/env"), std::string("/usr//bin/env"), std::string("/usr/bin/"),
        std::string("/usr/./bin/env"), std::string("/usr/bin/env\0", 13),
        "/" + std::string(5000, 'a')}) {
    const absl::Status status = CheckProgram(path);
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << path;
  }
}

TEST(Program, FollowsLinksAndLooksAtBothEnds) {
  const std::string open = NewFolder();
  const std::string closed = NewFolder();
  const std::string target = WriteProgram(open, "hook", kText);
  const std::string link = closed + "/link";
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  EXPECT_TRUE(CheckProgram(link).ok());
  ASSERT_EQ(chmod(open.c_str(), 0777), 0);
  EXPECT_EQ(ErrorReason(CheckProgram(link)), "UNSAFE_PROGRAM");
  ASSERT_EQ(chmod(open.c_str(), 0700), 0);
  ASSERT_EQ(chmod(target.c_str(), 0777), 0);
  EXPECT_EQ(ErrorReason(CheckProgram(link)), "UNSAFE_PROGRAM");
}

TEST(Argument, AFileIsLookedAtAsTheProgramIs) {
  const std::string folder = NewFolder();
  const std::string script = WriteProgram(folder, "script", kText, 0644);
  for (const std::string& fine :
       {script, std::string("--flag"), std::string(), std::string("relative/script"),
        folder + "/missing", folder, std::string("/dev/null"), std::string("/")}) {
    EXPECT_TRUE(CheckArgument(fine).ok()) << fine << CheckArgument(fine);
  }
  const std::string open = WriteProgram(folder, "open", kText, 0664);
  EXPECT_EQ(ErrorReason(CheckArgument(open)), "UNSAFE_PROGRAM");
  EXPECT_EQ(ErrorReason(CheckArgument(folder + "//script")), "BAD_CONFIG") << "said otherwise";
  ASSERT_EQ(chmod(folder.c_str(), 0777), 0);
  EXPECT_EQ(ErrorReason(CheckArgument(script)), "UNSAFE_PROGRAM");
}

}  // namespace
}  // namespace norroy::program
