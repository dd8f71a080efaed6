#include "tests/harness/nginx.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"

namespace norroy::harness {

std::unique_ptr<Process> StartNginx(const std::string& dir, const std::string& http) {
  mkdir(dir.c_str(), 0755);
  WriteAll(dir + "/nginx.conf",
           absl::StrCat("daemon off;\nmaster_process off;\npid ", dir, "/pid;\nerror_log ", dir,
                        "/err;\nevents {}\nhttp {\n  access_log off;\n  client_body_temp_path ",
                        dir, "/t1;\n  proxy_temp_path ", dir, "/t2;\n  fastcgi_temp_path ", dir,
                        "/t3;\n  uwsgi_temp_path ", dir, "/t4;\n  scgi_temp_path ", dir, "/t5;\n",
                        http, "}\n"));
  return Process::Start({"/usr/sbin/nginx", "-e", dir + "/err", "-c", dir + "/nginx.conf"},
                        dir + "/log", {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"});
}

}  // namespace norroy::harness
