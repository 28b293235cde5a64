// SPDX-License-Identifier: LGPL-2.1-or-later
// Files of lines: whole lines, also where there is no room, and behind half a line.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/output/line_file.h"

using namespace oneadapt;

namespace {

class Lines : public ::testing::Test {
 protected:
  Lines() {
    std::string name = (std::filesystem::temp_directory_path() / "oneadapt-XXXXXX").string();
    if (mkdtemp(name.data())) folder_ = name;
    path_ = folder_ + "/lines";
  }
  ~Lines() override { std::filesystem::remove_all(folder_); }

  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// What a line behind `before` makes of the file.
  std::string appended_to(const std::string &before) const {
    std::ofstream(path_, std::ios::binary) << before;
    LineFile file;
    EXPECT_EQ(file.open(path_, true), 0);
    EXPECT_EQ(file.write("{}"), 0);
    EXPECT_EQ(file.close(), 0);
    return content();
  }

  std::string folder_, path_;
};

/// A disk with room for so many bytes of each file.
class Room {
 public:
  explicit Room(rlim_t bytes) : before_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &limit_);
    rlimit small = limit_;
    small.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~Room() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  Room(const Room &) = delete;
  Room &operator=(const Room &) = delete;

 private:
  rlimit limit_ = {};
  void (*before_)(int);
};

TEST_F(Lines, ALineThatFindsNoRoomLeavesNothingBehind) {
  for (const bool append : {false, true}) {
    LineFile file;
    ASSERT_EQ(file.open(path_, append), 0);
    ASSERT_EQ(file.write("first"), 0);
    const std::string before = content();
    {
      const Room room(before.size() + 3);
      EXPECT_EQ(file.write("second"), EFBIG);
      EXPECT_EQ(content(), before);
      EXPECT_EQ(file.write("2"), 0) << "a short one has room";
    }
    EXPECT_EQ(file.write("third"), 0);
    EXPECT_EQ(content(), before + "2\nthird\n");
  }
}

TEST_F(Lines, TheSameThroughACopyOfADescriptor) {
  const int descriptor = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  LineFile file;
  ASSERT_EQ(file.open(descriptor), 0);
  ASSERT_EQ(file.write("first"), 0);
  {
    const Room room(9);
    EXPECT_EQ(file.write("second"), EFBIG);
  }
  EXPECT_EQ(file.write("third"), 0);
  EXPECT_EQ(file.close(), 0);
  EXPECT_EQ(::close(descriptor), 0) << "it is the caller's";
  EXPECT_EQ(content(), "first\nthird\n");
}

TEST_F(Lines, HalfAResultIsCutOff) {
  EXPECT_EQ(appended_to("{\"frame\": 1}\n{\"frame\": {\"a\": 2}"), "{\"frame\": 1}\n{}\n");
  EXPECT_EQ(appended_to("{\"half\""), "{}\n");
  const std::string line = "{\"long\": \"" + std::string(200000, 'x') + "\"}\n";
  EXPECT_EQ(appended_to(line + line.substr(0, 150000)), line + "{}\n");
}

TEST_F(Lines, AnyOtherTextGetsItsEndOfLine) {
  EXPECT_EQ(appended_to("{\"frame\": 1}"), "{\"frame\": 1}\n{}\n");
  EXPECT_EQ(appended_to("notes"), "notes\n{}\n");
  EXPECT_EQ(appended_to("notes\n"), "notes\n{}\n");
  EXPECT_EQ(appended_to(""), "{}\n");
}

TEST_F(Lines, APipeNeedsAReader) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  LineFile file;
  for (const bool append : {false, true}) EXPECT_EQ(file.open(path_, append), ENXIO);
  const int reader = open(path_.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_EQ(file.open(path_, false), 0);
  EXPECT_EQ(file.write("line"), 0);
  char text[8] = {};
  EXPECT_EQ(read(reader, text, sizeof text), 5);
  EXPECT_STREQ(text, "line\n");
  close(reader);
}

TEST_F(Lines, WhatCannotBeWrittenIsSaid) {
  LineFile file;
  EXPECT_EQ(file.open(folder_ + "/none/lines", true), ENOENT);
  EXPECT_EQ(file.open(folder_, false), EISDIR);
  EXPECT_FALSE(file.is_open());
  ASSERT_EQ(file.open("/dev/full", true), 0);
  EXPECT_EQ(file.write("line"), ENOSPC);
}

}  // namespace
