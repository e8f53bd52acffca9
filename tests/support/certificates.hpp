#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "messages/credentials.hpp"
#include "tests/support/process.hpp"

namespace artham::test {

/// A certificate authority of its own directory, made with the openssl command.
class authority {
 public:
  /// What a certificate says of itself.
  struct leaf_options {
    std::string from = "20200101000000Z";
    std::string until = "21000101000000Z";
    std::string usage = "serverAuth,clientAuth";
  };

  authority() {
    new_key("authority");
    openssl("req -x509 -new -key authority.key -subj /CN=test -days 3650 -out authority.pem");
    std::ofstream(dir_ / "index") << "";
    std::ofstream(dir_ / "serial") << "01\n";
    std::ofstream(dir_ / "config") << "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\n"
                                      "new_certs_dir=.\nunique_subject=no\ndefault_md=sha256\n"
                                      "certificate=authority.pem\nprivate_key=authority.key\n"
                                      "policy=any\n[any]\ncommonName=supplied\n";
  }

  /// NAME.pem and NAME.key, signed by this authority.
  [[nodiscard]] messages::credentials leaf(const std::string& name, const leaf_options& o) const {
    new_key(name);
    openssl("req -new -key " + name + ".key -subj /CN=" + name + " -out " + name + ".csr");
    std::ofstream(dir_ / (name + ".ext")) << "extendedKeyUsage=" << o.usage << "\n";
    openssl("ca -batch -notext -config config -in " + name + ".csr -out " + name +
            ".pem -startdate " + o.from + " -enddate " + o.until + " -extfile " + name + ".ext");
    return {dir_ / (name + ".pem"), dir_ / (name + ".key"), dir_ / "authority.pem"};
  }
  [[nodiscard]] messages::credentials leaf(const std::string& name) const { return leaf(name, {}); }
  [[nodiscard]] const scratch& dir() const { return dir_; }

 private:
  void new_key(const std::string& name) const {
    openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out " + name + ".key");
    std::filesystem::permissions(dir_ / (name + ".key"), std::filesystem::perms::owner_read |
                                                             std::filesystem::perms::owner_write);
  }
  void openssl(const std::string& arguments) const {
    const auto done = run_to_end(
        {"/bin/sh", "-c", "cd " + dir_.path().string() + " && openssl " + arguments + " 2>&1"});
    if (done.code != 0) throw std::runtime_error("openssl " + arguments + ": " + done.out);
  }

  scratch dir_;
};

}  // namespace artham::test
