#include <gradtape/autograd/io/file.hpp>
#include <gradtape/optim/checkpoint.hpp>
#include <gradtape/optim/run_log.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "support/files.hpp"
#include "support/process.hpp"
#include "support/skip.hpp"

using namespace gradtape;
using namespace gradtape::testing;
using optim::RunLog;

static_assert(Stateful<RunLog>);

namespace {

const double infinity = std::numeric_limits<double>::infinity();

/// The file without what the clock wrote.
std::string untimed(const std::string& path) {
  std::string text = read_raw_file(path), out;
  for (std::size_t at = 0; at < text.size();) {
    const auto digits = std::min(text.find_first_of("0123456789", at), text.size());
    const auto end = std::min(text.find_first_not_of("0123456789.", digits), text.size());
    const bool time = end > digits + 4 && text[end - 4] == '.';
    out += text.substr(at, digits - at) + (time ? "t" : text.substr(digits, end - digits));
    at = end;
  }
  return out;
}

}  // namespace

TEST_CASE("a log is a table, to which names that come up later add columns") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.csv");
  RunLog log(path);
  log.write(1, 0, {{"loss", 0.5}});
  CHECK(untimed(path) == "step,epoch,seconds,loss\n1,0,t,0.5\n");  // at once
  log.write(2, 0, {{"loss", std::nan("")}});
  log.write(2, 1, {{"held out, \"strict\"", -infinity}});
  log.write(3, 1, {{"held out, \"strict\"", 1e-9}, {"loss", 0.25}});
  CHECK(untimed(path) ==
        "step,epoch,seconds,loss,\"held out, \"\"strict\"\"\"\n"
        "1,0,t,0.5,\n2,0,t,nan,\n2,1,t,,-inf\n3,1,t,0.25,1e-09\n");
  const auto records = optim::load_log(path);
  REQUIRE(records.size() == 4);
  CHECK((records[3].step == 3 && records[3].epoch == 1 && records[3].seconds >= 0));
  CHECK(records[3].values == optim::NamedValues{{"loss", 0.25}, {"held out, \"strict\"", 1e-9}});
  CHECK(records[2].values == optim::NamedValues{{"held out, \"strict\"", -infinity}});
  CHECK(std::isnan(records[1].values[0].second));
}

TEST_CASE("a log is a list of JSON objects, in which what is not finite is null or a text") {
  const TemporaryFolder folder;
  const auto path = folder.path("run.jsonl");
  RunLog log(path);
  log.write(1, 0, {{"loss", 0.1}, {"\"a\"", std::nan("")}});
  log.write(2, 0, {{"loss", infinity}, {"b", -infinity}});
  log.write(3, 0, {});
  CHECK(untimed(path) ==
        "{\"step\":1,\"epoch\":0,\"seconds\":t,\"loss\":0.1,\"\\\"a\\\"\":null}\n"
        "{\"step\":2,\"epoch\":0,\"seconds\":t,\"loss\":\"Infinity\",\"b\":\"-Infinity\"}\n"
        "{\"step\":3,\"epoch\":0,\"seconds\":t}\n");
  const auto records = optim::load_log(path);
  REQUIRE(records.size() == 3);
  CHECK(records[1].values == optim::NamedValues{{"loss", infinity}, {"b", -infinity}});
  CHECK((records[0].values[1].first == "\"a\"" && std::isnan(records[0].values[1].second)));
}

TEST_CASE("a resumed run writes the records after its checkpoint again, and once") {
  for (const char* name : {"run.csv", "run.jsonl"}) {
    const TemporaryFolder folder;
    const auto path = folder.path(name);
    const auto run = [&](std::int64_t last, std::int64_t saved) {
      std::int64_t step = 0;
      RunLog log(path);
      optim::Checkpoint checkpoint(folder.path("run.safetensors"));
      checkpoint.track("log", log);
      checkpoint.track("step", step);
      if (checkpoint.exists()) checkpoint.load();
      while (step < last) {
        ++step;
        log.write(step, step / 2, {{"loss", 1.0 / static_cast<double>(step)}});
        if (step % 2 == 0)
          log.write(step, step / 2, {{"held out", 2.0 / static_cast<double>(step)}});
        if (step == saved) checkpoint.save();
      }
    };
    run(5, 3);
    folder.file(name, read_raw_file(path) + "6,3,0.");  // killed in the middle of a record
    CHECK(optim::load_log(path).size() == 7);
    run(6, 0);
    const auto resumed = untimed(path);
    folder.file("run.safetensors", "");
    std::filesystem::remove(folder.path("run.safetensors"));
    run(6, 0);
    CHECK(untimed(path) == resumed);
    CHECK(optim::load_log(path).size() == 9);
  }
}

TEST_CASE("a run that starts anew replaces the log; one that lost it goes on") {
  const TemporaryFolder folder;
  const auto path = folder.file("run.csv", "an old file");
  RunLog log(path);
  CHECK(read_raw_file(path) == "an old file");
  log.write(1, 0, {});
  CHECK(untimed(path) == "step,epoch,seconds\n1,0,t\n");
  RunLog other(folder.path("other.csv"));
  other.load_state_dict(log.state_dict());
  other.write(2, 0, {{"loss", 1}});
  CHECK(untimed(other.path()) == "step,epoch,seconds,loss\n2,0,t,1\n");
  CHECK(other.records() == 1);
}

TEST_CASE("a log says what it cannot write or read") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(RunLog("run.txt"), "RunLog: 'run.txt' must end in .csv or .jsonl",
                       ValueError);
  RunLog log(folder.path("run.csv"));
  const auto refused = [&](const optim::NamedValues& values, const char* error) {
    CHECK_THROWS_WITH_AS(log.write(1, 1, values), error, ValueError);
  };
  refused({{"", 1}}, "RunLog: the name '' is empty");
  refused({{"step", 1}}, "RunLog: the name 'step' is the record's own");
  refused({{"a", 1}, {"a", 2}}, "RunLog: the name 'a' is there twice");
  refused({{"a\nb", 1}}, "RunLog: the name 'a\nb' has a line break");
  refused({{"\xff", 1}}, "RunLog: a name is not UTF-8");
  CHECK(folder.count() == 0);
  RunLog nowhere(folder.path("nowhere/run.csv"));
  CHECK_THROWS_AS(nowhere.write(1, 0, {}), IoError);

  const auto misread = [&](const char* text, const char* error) {
    CHECK_THROWS_WITH_AS(optim::load_log(folder.file("log", text)), doctest::Contains(error),
                         IoError);
  };
  misread("step,epoch,seconds,a\n1,2,3\n", "has 3 fields in row 2, where row 1 has 4");
  misread("step,epoch,seconds,a\n1,2,3,x\n",
          "has 'x' in row 2, column 4 ('a'), which is not float64");
  misread("step,epoch,seconds,a\n1.5,2,3,x\n",
          "has '1.5' in row 2, column 1 ('step'), which is not int64");
  misread("a,b\n", "line 1, is no JSON at character 1");
  misread("{\"step\":1}\n", "line 1, lacks step, epoch or seconds");
  misread("{\"step\":1.5}\n", "line 1, the step must be an integer");
  misread("{\"a\":[1]}\n", "line 1, must be an object of numbers, and has an array");
  misread("7\n", "line 1, must be an object of numbers, and has a number");
  CHECK(optim::load_log(folder.file("log", "")).empty());
  CHECK_THROWS_AS(optim::load_log(folder.path("missing")), IoError);
}

TEST_CASE("a record that does not fit on the disk leaves the ones before it") {
  if (!can_limit) return skip(no_limits);
  const TemporaryFolder folder;
  RunLog log(folder.path("run.jsonl"));
  log.write(1, 0, {{"loss", 1}});
  const auto before = read_raw_file(log.path());
  {
    const FileSizeLimit full(before.size() + 20);
    CHECK_THROWS_AS(log.write(2, 0, {{"loss", 1}}), IoError);
  }
  CHECK(read_raw_file(log.path()) == before);
  log.write(2, 0, {{"loss", 1}});
  CHECK((optim::load_log(log.path()).size() == 2 && log.records() == 2));
}
